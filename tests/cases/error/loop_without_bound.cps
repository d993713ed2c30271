kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height), param n: i32 = 3) {
    var end = 0;
    for i in 0..9 {
        end = end * 3 + i32(src.clamp[i, 0]);
    }
    for i in 0..end { require(i >= 0, "never");  }   //~ CPS0803
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}

// rule L3
