kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let n = 10;
    if n = 3 { }   //~ CPS0104
    map (x, y) in dst { dst[x, y] = u8(n); }
}
