kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        dst[x, y] = 255 - src[x, y];   //~ CPS0302
    }
}

// rule T3
