kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var n = 10;
    n++;   //~ CPS0104
    map (x, y) in dst { dst[x, y] = u8(n); }
}
