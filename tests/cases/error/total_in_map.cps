kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var total = 0;
    map (x, y) in src { total += i32(src[x, y]); }   //~ CPS0211
    map (x, y) in dst { dst[x, y] = u8(total); }
}

// rule L16
