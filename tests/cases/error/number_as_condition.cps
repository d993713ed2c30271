kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    if src.width { }   //~ CPS0306
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
