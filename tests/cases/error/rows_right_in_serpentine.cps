kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src by serpentine(true) {
        dst[x, y] = sat_u8(err[x, y]);
        err.drop[x + 1, y] += 1;   //~ CPS0227
    }
}

// rule L10
