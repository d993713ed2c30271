kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let t = embed("table.csv");   //~ CPS0136
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
