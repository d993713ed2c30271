kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height),
         param level: i32 in 0..=255 = 128) {
    map (x, y) in dst { dst[x, y] = if i32(src[x, y]) > level { 255 } else { 0 }; }
}

kernel m(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    k(src, dst, level: 300);   //~ CPS0602
    k(src, dst, lvel: 3);   //~ CPS0402
}
