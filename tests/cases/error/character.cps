kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let v = i32(src[0, 0]) § 2;   //~ CPS0101
    map (x, y) in dst { dst[x, y] = u8(v); }
}
