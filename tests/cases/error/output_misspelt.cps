kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}

test "copies" {
    let out = k(fill(1, 2, 2));
    assert_eq(out.dts, fill(1, 2, 2));   //~ CPS0127
    assert_traps(1 + 1);   //~ CPS0701
}
