//! Ostromoukhov's error diffusion (2001): weights that vary with the level, rows back and forth.
use std.random { random_integer };

const KEYS: [[i32; 3]; 128] = embed("ostromoukhov.csv");

// For every level, and their sums.
const WEIGHTS: [[i32; 3]; 256] = [KEYS[min(i, 255 - i)] for i in 0..256];
const TOTALS: [i32; 256] = [sum(WEIGHTS[i][k] for k in 0..3) for i in 0..256];

/// Dither a gray image; weights follow the level of the pixel.
kernel ostromoukhov(
    in  src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    /// The threshold varies by as much up and down: breaks regular patterns.
    param jitter: i32 in 0..=64 = 0,
    /// Other seeds vary it otherwise; one seed does so alike on every machine.
    param seed: u64 = 1,
) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src by serpentine(true) {
        let noise = random_integer(seed, x, y, -jitter, jitter + 1);
        let want = i32(src[x, y]) + err[x, y];
        let got = if want >= 128 + noise { 255 } else { 0 };
        let e = want - got;
        let level = i32(src[x, y]);
        let ahead = e * WEIGHTS[level][0] / TOTALS[level];
        let behind = e * WEIGHTS[level][1] / TOTALS[level];
        dst[x, y] = u8(got);
        err.drop[x + d, y]     += ahead;
        err.drop[x - d, y + 1] += behind;
        err[x, y + 1]          += e - ahead - behind;  // nothing is lost to rounding
    }
}

test "black and white stay" {
    assert_eq(ostromoukhov(fill(0, 20, 9)).dst, fill(0, 20, 9));
    assert_eq(ostromoukhov(fill(255, 20, 9)).dst, fill(255, 20, 9));
}

test "a gray keeps its mean" {
    let out = ostromoukhov(fill(90, 64, 64)).dst;
    let rough = ostromoukhov(fill(90, 64, 64), jitter: 40).dst;
    assert_between(sum(i32(out[x, y]) for (x, y) in out) / 4096, 88, 92);
    assert_between(sum(i32(rough[x, y]) for (x, y) in out) / 4096, 88, 92);
}
