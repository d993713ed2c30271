kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let bad = 1 + true;   //~ CPS0301
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
