kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let in = 3;   //~ CPS0104
    map (x, y) in dst { dst[x, y] = u8(in); }   //~ CPS0104
}
