kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        if x > 3 { break; }   //~ CPS0235
        dst[x, y] = src[x, y];
    }
}

// rule L4
