const T: [i32; 3] = embed("nothing.csv");   //~ CPS0131

kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = u8(T[0]); }
}
