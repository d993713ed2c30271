kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var last = 0;
    scan (x, y) in src {
        dst[x, y] = u8(last);
        last = i32(src[x, y]);   //~ CPS0211
    }
}

// rule L16
