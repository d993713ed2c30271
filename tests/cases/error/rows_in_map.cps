kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    map (x, y) in dst { dst[x, y] = sat_u8(err[x, y]); }   //~ CPS0229
}
