kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = u8(isqrt(i32(src[x, y]))); }   //~ CPS0121
}

// rule A14
