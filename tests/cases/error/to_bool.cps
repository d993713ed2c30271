kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let b = bool(src.width);   //~ CPS0310
    map (x, y) in dst { dst[x, y] = if b { 1 } else { 0 }; }
}

// rule A6
