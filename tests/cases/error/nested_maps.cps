kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        map (u, v) in src { dst[x, y] = src[u, v]; }   //~ CPS0214
    }
}

// rule L17
