kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    scan (x, y, d) in dst by serpentine(true) {
        dst[x, y] = max(src[x, y], dst.zero[x - 0, y]);   //~ CPS0227
    }
}
