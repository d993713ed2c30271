kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let s = sum(i + j + l for i in 0..3 for j in 0..3 for l in 0..3);   //~ CPS0413
    map (x, y) in dst { dst[x, y] = u8(s); }
}

// rule L18
