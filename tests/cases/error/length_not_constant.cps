kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let n = src.width;
    let v = [0; n];   //~ CPS0501
    map (x, y) in dst { dst[x, y] = u8(v[0]); }
}
