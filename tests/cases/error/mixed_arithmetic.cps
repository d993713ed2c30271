kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let a = src.width * 1.5;   //~ CPS0301
    let b = f32(src.width) * f64(src.height);   //~ CPS0301
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}

// rule T4
