kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        dst[x, y] = max(src[x, y], dst.zero[x - 1, y]);   //~ CPS0231
    }
}

// rule L5
