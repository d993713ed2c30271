kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    for i in 0..9 { if i == 3 { break; } }   //~ CPS0901
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
