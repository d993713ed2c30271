kernel k(in src: image<u8>, in level: i32, out dst: image<u8>(src.width, src.height)) {   //~ CPS0601
    map (x, y) in dst { dst[x, y] = u8(level); }
}
