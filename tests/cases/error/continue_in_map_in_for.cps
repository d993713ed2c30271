fn low(v: i32) -> i32 {
    var n = 0;
    if v > 3 { continue; }   //~ CPS0235
    return n + v;
}

kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = u8(low(i32(src[x, y]))); }
}

// rule L4
