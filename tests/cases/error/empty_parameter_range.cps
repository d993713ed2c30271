kernel k(
    in src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    param level: i32 in 9..=0 = 5,   //~ CPS0603
) {
    map (x, y) in dst { dst[x, y] = u8(level); }
}
