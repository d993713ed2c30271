kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var n = 8;
    var t: image<u8>(n, 2 * n);   //~ CPS0605
    n = 9;
    map (x, y) in t { t[x, y] = u8(n); }
    map (x, y) in dst { dst[x, y] = t.clamp[x, y]; }
}
