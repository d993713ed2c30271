kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}

test "copies" {
    for n in 1..5 {   //~ CPS0703
        let v = n;
    }
    assert_eq(k(fill(1, 2, 2)), fill(1, 2, 2));   //~ CPS0406
}
