kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        dst[x + 1, y] = src[x, y];   //~ CPS0212
    }
}

// rule L5
