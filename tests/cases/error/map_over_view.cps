kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in src.clamp { dst[x, y] = src[x, y]; }   //~ CPS0406
}

// rule B9
