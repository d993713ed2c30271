//! Gaussian model of the human visual system, as two separable passes.
use std.math { exp };

/// Weights of a Gaussian centred on `shift`, normalised to 1.
fn gauss<const N: i32>(sigma: f64, shift: f64) -> [f32; N] {
    let raw = [exp(-0.5 * sq((f64(i - N / 2) - shift) / sigma)) for i in 0..N];
    let total = sum(raw[i] for i in 0..N);  // sums have one fixed order on every machine
    return [f32(raw[i] / total) for i in 0..N];
}

fn sq<T: num>(v: T) -> T { return v * v; }

fn rows_pass<const N: i32>(src: image<f32>, k: [f32; N], out dst: image<f32>) {
    map (x, y) in dst { dst[x, y] = sum(src.mirror[x + i - N / 2, y] * k[i] for i in 0..N); }
}

fn cols_pass<const N: i32>(src: image<f32>, k: [f32; N], out dst: image<f32>) {
    map (x, y) in dst { dst[x, y] = sum(src.mirror[x, y + i - N / 2] * k[i] for i in 0..N); }
}

/// Blur an image as the eye does at reading distance; levels 0 to 255 become 0 to 1.
kernel hvs(
    in  src: image<u8>,
    out dst: image<f32>(src.width, src.height),
    /// Standard deviation, in pixels.
    param sigma: f64 in 0.1..=4.0 = 1.2,
) {
    let k: [f32; 11] = gauss(sigma, 0.0);
    var a: image<f32>(src.width, src.height);
    var b: image<f32>(src.width, src.height);
    map (x, y) in a { a[x, y] = f32(src[x, y]) / 255.0; }
    rows_pass(a, k, b);
    cols_pass(b, k, dst);
}

test "a flat image stays flat" {
    assert_close(hvs(fill(51, 17, 12)).dst, fill(0.2, 17, 12), 0.000001);
    assert_close(hvs(fill(255, 3, 1), sigma: 4.0).dst, fill(1.0, 3, 1), 0.000001);
}

test "a narrow filter changes nothing" {
    let src: image<u8> = noise(3, 20, 15);
    let out = hvs(src, sigma: 0.1);
    assert_eq(count(i32(round(out.dst[x, y] * 255.0)) != i32(src[x, y]) for (x, y) in src), 0);
}

test "a wider filter smooths more" {
    let src: image<u8> = noise(4, 40, 40);
    let narrow = hvs(src, sigma: 0.8);
    let wide = hvs(src, sigma: 2.0);
    let rough = sum(abs(narrow.dst[x, 20] - narrow.dst[x + 1, 20]) for x in 0..39);
    let smooth = sum(abs(wide.dst[x, 20] - wide.dst[x + 1, 20]) for x in 0..39);
    assert_between(smooth, 0.0, rough / 2.0);
}
