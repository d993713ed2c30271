kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        dst[x, y] = sat_u8(err[x - d, y]);   //~ CPS0221
        err[x, y + 1] += 1;
    }
}

// rule L12
