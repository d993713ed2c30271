kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    require(src.width > 1, "50 \% of it");   //~ CPS0109
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
