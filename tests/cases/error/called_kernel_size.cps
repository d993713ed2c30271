kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}

kernel m(in src: image<u8>, in other: image<u8>, out dst: image<u8>(src.width, src.height)) {
    k(other, dst);   //~ CPS0213
}

// rule T14
