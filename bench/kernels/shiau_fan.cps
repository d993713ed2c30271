//! Shiau and Fan's error diffusion, with three taps behind and below.

// J.-N. Shiau, Z. Fan: A set of easily implementable coefficients in error diffusion with reduced
// worm artifacts. SPIE 2658 (1996).

/// Dither a gray image to black and white.
kernel shiau_fan(
    in  src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    /// Scan every other row from right to left.
    param serpentine: bool = false,
) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src by serpentine(serpentine) {
        let want = i32(src[x, y]) + div_floor(err[x, y] + 8, 16);
        let got = if want >= 128 { 255 } else { 0 };
        let e = want - got;
        dst[x, y] = u8(got);
        err.drop[x + d, y]         += e * 8;
        err.drop[x - 3 * d, y + 1] += e;
        err.drop[x - 2 * d, y + 1] += e;
        err.drop[x - d, y + 1]     += e * 2;
        err[x, y + 1]              += e * 4;
    }
}

test "a flat gray keeps its mean" {
    let out = shiau_fan(fill(96, 32, 32)).dst;
    assert_close(sum(i32(out[x, y]) for (x, y) in out) / (32 * 32), 96, 6);
}

test "black and white are fixed points" {
    assert_eq(shiau_fan(fill(0, 9, 5)).dst, fill(0, 9, 5));
    assert_eq(shiau_fan(fill(255, 9, 5), serpentine: true).dst, fill(255, 9, 5));
}
