//! Stevenson and Arce's error diffusion, made for hexagonal grids.

// R. L. Stevenson, G. R. Arce: Binary display of hexagonally sampled continuous-tone images.
// Journal of the Optical Society of America A 2 (1985).

/// Dither a gray image to black and white.
kernel stevenson_arce(
    in  src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    /// Scan every other row from right to left.
    param serpentine: bool = false,
) {
    var err: rows<i32, 4>(src.width);
    scan (x, y, d) in src by serpentine(serpentine) {
        let want = i32(src[x, y]) + div_floor(err[x, y] + 100, 200);
        let got = if want >= 128 { 255 } else { 0 };
        let e = want - got;
        dst[x, y] = u8(got);
        err.drop[x + 2 * d, y]     += e * 32;
        err.drop[x - 3 * d, y + 1] += e * 12;
        err.drop[x - d, y + 1]     += e * 26;
        err.drop[x + d, y + 1]     += e * 30;
        err.drop[x + 3 * d, y + 1] += e * 16;
        err.drop[x - 2 * d, y + 2] += e * 12;
        err[x, y + 2]              += e * 26;
        err.drop[x + 2 * d, y + 2] += e * 12;
        err.drop[x - 3 * d, y + 3] += e * 5;
        err.drop[x - d, y + 3]     += e * 12;
        err.drop[x + d, y + 3]     += e * 12;
        err.drop[x + 3 * d, y + 3] += e * 5;
    }
}

test "a flat gray keeps its mean" {
    let out = stevenson_arce(fill(96, 32, 32)).dst;
    assert_close(sum(i32(out[x, y]) for (x, y) in out) / (32 * 32), 96, 6);
}

test "black and white are fixed points" {
    assert_eq(stevenson_arce(fill(0, 9, 5)).dst, fill(0, 9, 5));
    assert_eq(stevenson_arce(fill(255, 9, 5), serpentine: true).dst, fill(255, 9, 5));
}
