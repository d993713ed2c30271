kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var s = 0;
    for i in 0..10 step -1 { s += i; }   //~ CPS0505
    map (x, y) in dst { dst[x, y] = u8(s); }
}

// rule L1
