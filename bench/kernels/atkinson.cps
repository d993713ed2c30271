//! Atkinson's error diffusion: a quarter of the error is given up, for contrast.

// Bill Atkinson's, of the first Macintosh programs (1984).

/// Dither a gray image to black and white.
kernel atkinson(
    in  src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    /// Scan every other row from right to left.
    param serpentine: bool = false,
) {
    var err: rows<i32, 3>(src.width);
    scan (x, y, d) in src by serpentine(serpentine) {
        let want = i32(src[x, y]) + div_floor(err[x, y] + 4, 8);
        let got = if want >= 128 { 255 } else { 0 };
        let e = want - got;
        dst[x, y] = u8(got);
        err.drop[x + d, y]     += e;
        err.drop[x + 2 * d, y] += e;
        err.drop[x - d, y + 1] += e;
        err[x, y + 1]          += e;
        err.drop[x + d, y + 1] += e;
        err[x, y + 2]          += e;
    }
}

test "what is nearly white or black becomes so" {
    assert_eq(atkinson(fill(250, 16, 16)).dst, fill(255, 16, 16));
    assert_eq(atkinson(fill(5, 16, 16)).dst, fill(0, 16, 16));
}

test "black and white are fixed points" {
    assert_eq(atkinson(fill(0, 9, 5)).dst, fill(0, 9, 5));
    assert_eq(atkinson(fill(255, 9, 5), serpentine: true).dst, fill(255, 9, 5));
}
