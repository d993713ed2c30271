kernel probe(
    in  src: image<u8, 3>,
    out dst: image<u8>(src.width, src.height),
    param at: i32 = 3,
    param step: i32 in 0..=9 = 2,
) {
    let found = src[at, 0];   //~ CPS0808
    for y in 0..src.height {
        for x in 0..src.width {
            dst[x - 1, y + step] = src[0, i32(src[x, y][0])][1];   //~ CPS0808 //~ CPS0808
        }
    }
    require(at >= 0 && at < src.height, "at is a line of the picture");
    dst[0, at] = found[2];
}
