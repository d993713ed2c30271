kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        let v = i32(src[x, y]) * 2;
        dst[x, y] = v;   //~ CPS0303
    }
}

// rule T4
