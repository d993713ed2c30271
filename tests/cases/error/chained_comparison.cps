kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let n = i32(src[0, 0]);
    let inside = 0 < n < 9;   //~ CPS0104
    map (x, y) in dst { dst[x, y] = if inside { 1 } else { 0 }; }
}
