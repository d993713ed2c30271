fn whole(a: image<u8>, out b: image<u8>) {
    map (x, y) in b { b[x, y] = a.clamp[x, y]; }
}

kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var t: image<u8>(src.width, src.height);
    map (x, y) in dst {
        whole(src, t);   //~ CPS0214
        dst[x, y] = src[x, y];
    }
}

// rule L17
