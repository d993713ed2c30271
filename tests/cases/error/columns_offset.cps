kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.height);
    scan (x, y, d) in src by columns {
        dst[x, y] = sat_u8(err[x, y]);
        err.drop[x + d, y] += 1;   //~ CPS0224
    }
}

// rule L8
