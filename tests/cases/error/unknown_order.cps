kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    scan (x, y) in src by zigzag { dst[x, y] = src[x, y]; }   //~ CPS0234
}

// rule L6
