kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let v = (1 + 2];   //~ CPS0106
    map (x, y) in dst { dst[x, y] = u8(v); }
}
