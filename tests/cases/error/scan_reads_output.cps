fn at(a: image<u8>, x: i32, y: i32) -> u8 { return a.clamp[x, y]; }

kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    scan (x, y) in dst {
        dst[x, y] = max(src[x, y], at(dst, x - 1, y));   //~ CPS0216
    }
}
