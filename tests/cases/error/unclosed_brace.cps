kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {   //~ CPS0106
        dst[x, y] = src[x, y];
}
