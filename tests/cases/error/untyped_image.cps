kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}

test "copies" {
    let src = noise(1, 8, 8);   //~ CPS0704
    assert_eq(k(src).dst, src);
}
