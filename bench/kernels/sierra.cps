//! Sierra's error diffusion, of three rows.

// Frankie Sierra's (1989, unpublished).

/// Dither a gray image to black and white.
kernel sierra(
    in  src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    /// Scan every other row from right to left.
    param serpentine: bool = false,
) {
    var err: rows<i32, 3>(src.width);
    scan (x, y, d) in src by serpentine(serpentine) {
        let want = i32(src[x, y]) + div_floor(err[x, y] + 16, 32);
        let got = if want >= 128 { 255 } else { 0 };
        let e = want - got;
        dst[x, y] = u8(got);
        err.drop[x + d, y]         += e * 5;
        err.drop[x + 2 * d, y]     += e * 3;
        err.drop[x - 2 * d, y + 1] += e * 2;
        err.drop[x - d, y + 1]     += e * 4;
        err[x, y + 1]              += e * 5;
        err.drop[x + d, y + 1]     += e * 4;
        err.drop[x + 2 * d, y + 1] += e * 2;
        err.drop[x - d, y + 2]     += e * 2;
        err[x, y + 2]              += e * 3;
        err.drop[x + d, y + 2]     += e * 2;
    }
}

test "a flat gray keeps its mean" {
    let out = sierra(fill(96, 32, 32)).dst;
    assert_close(sum(i32(out[x, y]) for (x, y) in out) / (32 * 32), 96, 6);
}

test "black and white are fixed points" {
    assert_eq(sierra(fill(0, 9, 5)).dst, fill(0, 9, 5));
    assert_eq(sierra(fill(255, 9, 5), serpentine: true).dst, fill(255, 9, 5));
}
