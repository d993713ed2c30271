kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let t = [i * j for i in 0..3 for j in 0..3];   //~ CPS0315
    map (x, y) in dst { dst[x, y] = u8(t[0]); }
}
