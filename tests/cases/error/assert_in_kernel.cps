kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    assert_eq(src.width, 3);   //~ CPS0702
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
