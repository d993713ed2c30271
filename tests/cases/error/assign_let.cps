kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let n = 0;
    n = 1;   //~ CPS0415
    map (x, y) in dst { dst[x, y] = u8(n); }
}
