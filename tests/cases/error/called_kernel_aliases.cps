kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}

kernel m(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var t: image<u8>(src.width, src.height);
    k(t, t);   //~ CPS0405
    k(src, dst);
}

// rule T11
