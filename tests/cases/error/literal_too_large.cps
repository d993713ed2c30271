kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = 256; }   //~ CPS0305
}

// rule T5
