kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let m = mean(i32(src[x, y]) for (x, y) in src);   //~ CPS0413
    map (x, y) in dst { dst[x, y] = u8(m); }
}
