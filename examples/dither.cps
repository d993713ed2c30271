//! Floyd-Steinberg error diffusion, gray to black and white.

/// Dither a gray image with Floyd and Steinberg's algorithm (1976).
kernel dither(
    in  src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    /// Scan every other row from right to left.
    param serpentine: bool = false,
    /// Pixels at or above this level become white.
    param threshold: i32 in 0..=255 = 128,
    /// Error weights: ahead, behind-below, below, ahead-below. Their sum is the divisor.
    param weights: [i32; 4] in 0..=1024 = [7, 3, 5, 1],
) {
    let w = weights;
    let total = w[0] + w[1] + w[2] + w[3];
    require(total > 0, "at least one weight must be positive");

    // Two rolling rows of pending error, in units of 1/total of a level; a row reads 0 until it is
    // written.
    var err: rows<i32, 2>(src.width);

    scan (x, y, d) in src by serpentine(serpentine) {
        let want = div_floor(i32(src[x, y]) * total + err[x, y] + total / 2, total);
        let got = if want >= threshold { 255 } else { 0 };
        let e = want - got;
        dst[x, y] = u8(got);
        err.drop[x + d, y]     += e * w[0];  // writes outside the image are dropped
        err.drop[x - d, y + 1] += e * w[1];
        err[x, y + 1]          += e * w[2];
        err.drop[x + d, y + 1] += e * w[3];
    }
}

test "flat mid gray becomes a half-white image" {
    let src: image<u8> = fill(128, 16, 16);
    let out = dither(src);
    assert_between(sum(i32(out.dst[x, y]) / 255 for (x, y) in out.dst), 126, 130);
}

test "black and white are fixed points" {
    assert_eq(dither(fill(0, 9, 5)).dst, fill(0, 9, 5));
    assert_eq(dither(fill(255, 9, 5), serpentine: true).dst, fill(255, 9, 5));
}

test "the error of one pixel goes to the next" {
    // 100 becomes black, 7/16 of its error make the next one 100 + 43.75 = 144, which becomes white.
    let out = dither(fill(100, 2, 1));
    assert_eq(out.dst[0, 0], 0);
    assert_eq(out.dst[1, 0], 255);
}

test "every pixel is black or white, and the mean is kept" {
    let src: image<u8> = noise(7, 64, 48);
    let out = dither(src, serpentine: true);
    assert_eq(count(out.dst[x, y] == 0 || out.dst[x, y] == 255 for (x, y) in out.dst), 64 * 48);
    let before = sum(i32(src[x, y]) for (x, y) in src) / (64 * 48);
    let after = sum(i32(out.dst[x, y]) for (x, y) in out.dst) / (64 * 48);
    assert_close(before, after, 2);
}

test "serpentine differs from raster from the second row on" {
    let src: image<u8> = ramp(64, 2);
    let a = dither(src);
    let b = dither(src, serpentine: true);
    assert_eq(count(a.dst[x, 0] != b.dst[x, 0] for x in 0..64), 0);
    assert_between(count(a.dst[x, 1] != b.dst[x, 1] for x in 0..64), 1, 64);
}

test "without weights there is no divisor" {
    assert_traps(dither(fill(128, 4, 4), weights: [0, 0, 0, 0]));
}
