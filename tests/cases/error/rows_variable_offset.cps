kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        let n = i32(src[x, y]);
        dst[x, y] = sat_u8(err[x, y]);
        err.drop[x + n, y] += 1;   //~ CPS0224
    }
}

// rule L10
