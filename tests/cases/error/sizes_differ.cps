kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var t: image<u8>(src.width / 2, src.height / 2);
    map (x, y) in src { t[x, y] = src[x, y]; }   //~ CPS0213
    map (x, y) in dst { dst[x, y] = t.clamp[x / 2, y / 2]; }
}

// rule T14
