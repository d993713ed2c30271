kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let v = 1;
    let v = 2;   //~ CPS0122
    map (x, y) in dst { dst[x, y] = u8(v); }
}
