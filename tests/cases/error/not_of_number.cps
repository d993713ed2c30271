kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let v = src.width;
    let w = if !v { 1 } else { 2 };   //~ CPS0304
    map (x, y) in dst { dst[x, y] = u8(w); }
}

// rule A5
