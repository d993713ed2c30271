kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = src.drop[x - 1, y]; }   //~ CPS0128
}

// rule B8
