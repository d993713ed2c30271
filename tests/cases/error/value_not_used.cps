kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    min(src.width, 3);   //~ CPS0411
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
