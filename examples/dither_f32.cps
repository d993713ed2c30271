//! Floyd-Steinberg error diffusion in floats, gray to black and white.

/// Dither a gray image with Floyd and Steinberg's algorithm (1976); errors are not rounded to levels.
kernel dither_f32(
    in  src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    /// Scan every other row from right to left.
    param serpentine: bool = false,
    /// Pixels at or above this level become white.
    param threshold: f32 in 0.0..=255.0 = 128.0,
    /// Error weights: ahead, behind-below, below, ahead-below. Their sum is the divisor.
    param weights: [f32; 4] in 0.0..=1024.0 = [7.0, 3.0, 5.0, 1.0],
) {
    let total = sum(weights[i] for i in 0..4);
    require(total > 0.0, "at least one weight must be positive");
    let w = weights / total;

    // Two rolling rows of pending error, in levels.
    var err: rows<f32, 2>(src.width);

    scan (x, y, d) in src by serpentine(serpentine) {
        let want = f32(src[x, y]) + err[x, y];
        let got = if want >= threshold { 255 } else { 0 };
        let e = want - f32(got);
        dst[x, y] = u8(got);
        err.drop[x + d, y]     += e * w[0];  // writes outside the image are dropped
        err.drop[x - d, y + 1] += e * w[1];
        err[x, y + 1]          += e * w[2];
        err.drop[x + d, y + 1] += e * w[3];
    }
}

test "flat mid gray becomes a half-white image" {
    let src: image<u8> = fill(128, 16, 16);
    let out = dither_f32(src);
    assert_between(sum(i32(out.dst[x, y]) / 255 for (x, y) in out.dst), 126, 130);
}

test "black and white are fixed points" {
    assert_eq(dither_f32(fill(0, 9, 5)).dst, fill(0, 9, 5));
    assert_eq(dither_f32(fill(255, 9, 5), serpentine: true).dst, fill(255, 9, 5));
}

test "a part of a level is not lost" {
    // 127 becomes black, and 7/16 of it make the next one 127 + 55.5625.
    assert_eq(dither_f32(fill(127, 2, 1), threshold: 182.5).dst[1, 0], 255);
    assert_eq(dither_f32(fill(127, 2, 1), threshold: 182.75).dst[1, 0], 0);
}

test "without weights there is no divisor" {
    assert_traps(dither_f32(fill(128, 4, 4), weights: [0.0, 0.0, 0.0, 0.0]));
}
