kernel k(
    in src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    param level: i32 in 0..=255 = 256,   //~ CPS0602
) {
    map (x, y) in dst { dst[x, y] = u8(level); }
}
