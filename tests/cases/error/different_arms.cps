kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let v = if src.width > 3 { 1 } else { true };   //~ CPS0301
    map (x, y) in dst { dst[x, y] = u8(v); }
}
