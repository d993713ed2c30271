//! Ordered dithering: every pixel against a threshold of its place.

/// Threshold against a mask that is repeated: Bayer's, a halftone screen, blue noise.
kernel ordered(in src: image<u8>, in mask: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        dst[x, y] = if src[x, y] > mask.wrap[x, y] { 255 } else { 0 };
    }
}

// B. E. Bayer's threshold (1973) for a place in a square of 8 x 8: the bits of x ^ y and y from the
// least to the greatest are those of the rank from the greatest to the least.
fn bayer_rank(x: i32, y: i32) -> i32 {
    let d = x ^ y;
    return (d & 1) << 5 | (y & 1) << 4 | (d & 2) << 2 | (y & 2) << 1 | (d & 4) >> 1 | (y & 4) >> 2;
}

/// Threshold against Bayer's mask of 8 x 8.
kernel bayer(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        dst[x, y] = if i32(src[x, y]) > bayer_rank(x, y) * 4 + 1 { 255 } else { 0 };
    }
}

test "the eight lines of Bayer's mask" {
    assert_eq([bayer_rank(x, 0) for x in 0..8], [0, 32, 8, 40, 2, 34, 10, 42]);
    assert_eq([bayer_rank(x, 1) for x in 0..8], [48, 16, 56, 24, 50, 18, 58, 26]);
    assert_eq([bayer_rank(0, y) for y in 0..8], [0, 48, 12, 60, 3, 51, 15, 63]);
    assert_eq(sum(bayer_rank(x, y) for y in 0..8 for x in 0..8), 2016);
}

test "a gray keeps its mean" {
    let out = bayer(fill(128, 16, 16)).dst;
    assert_eq(count(out[x, y] == 255 for (x, y) in out), 128);
}

test "a mask is repeated" {
    let src: image<u8> = noise(3, 16, 16);
    let mask: image<u8> = ramp(1, 1);
    assert_eq(ordered(src, mask).dst[15, 15], if src[15, 15] > 0 { 255 } else { 0 });
}
