kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src by columns {
        dst[x, y] = sat_u8(err[x, y]);   //~ CPS0229
    }
}

// rule L11
