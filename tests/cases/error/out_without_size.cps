kernel k(in src: image<u8>, out dst: image<u8>) {   //~ CPS0604
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
