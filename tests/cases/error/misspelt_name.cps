kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let level = 200;
    map (x, y) in dst { dst[x, y] = if src[x, y] > u8(levle) { 255 } else { 0 }; }   //~ CPS0121
}
