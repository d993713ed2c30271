fn twice<T: num>(v: T) -> T {
    return v + v;   //~ CPS0302
}

kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = twice(src[x, y]); }
}
