kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let v = [0; 0];   //~ CPS0308
    map (x, y) in dst { dst[x, y] = u8(v[0]); }
}

// rule T6
