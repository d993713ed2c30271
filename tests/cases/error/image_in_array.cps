kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let v: [image<u8>; 2] = 0;   //~ CPS0314
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}

// rule T11
