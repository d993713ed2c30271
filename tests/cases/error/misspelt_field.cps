kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let n = src.widht;   //~ CPS0127
    map (x, y) in dst { dst[x, y] = u8(n); }
}
