//! Error between an image and its halftone, and the displacement that makes it least.
//!
//! After Hocevar and Niger, "Reinstating Floyd-Steinberg" (ICISP 2008): a halftone lies a fraction
//! of a pixel beside its original, so that its error is judged unfairly without a shift.
use "hvs.cps" { gauss, rows_pass, cols_pass };
use "dither.cps" { dither };

/// One row of the study's table.
record Row {
    /// Mean squared error after the visual filter, halftone in place.
    e_in_place: f64,
    /// The least error over the displacements tried.
    e_min: f64,
    /// Displacement of the least error to the right, in pixels.
    dx: f64,
    /// Displacement of the least error downwards, in pixels.
    dy: f64,
    /// Share of white pixels.
    white: f64,
}

const R: i32 = 8;  // displacements tried: -R..=R steps on each axis

/// Dither, filter both images, and search the displacement with the least error.
kernel study(
    in  src: image<u8>,
    out halftone: image<u8>(src.width, src.height),
    /// Standard deviation of the visual filter, in pixels.
    param sigma: f64 in 0.1..=4.0 = 1.2,
    /// One step of displacement, in pixels.
    param step: f64 in 0.01..=1.0 = 0.1,
    /// Scan every other row from right to left.
    param serpentine: bool = true,
) -> Row {
    dither(src, serpentine: serpentine, dst: halftone);
    let w = src.width;
    let h = src.height;
    let n = f64(w) * f64(h);
    var a: image<f32>(w, h);
    var b: image<f32>(w, h);
    var t: image<f32>(w, h);
    var seen: image<f32>(w, h);
    map (x, y) in a { a[x, y] = f32(src[x, y]) / 255.0; }
    map (x, y) in b { b[x, y] = f32(halftone[x, y]) / 255.0; }
    let k0: [f32; 11] = gauss(sigma, 0.0);
    rows_pass(a, k0, t);
    cols_pass(t, k0, seen);

    var best = Row(e_in_place: 0.0, e_min: inf, dx: 0.0, dy: 0.0, white: 0.0);
    for i in -R..=R {
        let kx: [f32; 11] = gauss(sigma, f64(i) * step);
        rows_pass(b, kx, t);
        for j in -R..=R {
            let ky: [f32; 11] = gauss(sigma, f64(j) * step);
            cols_pass(t, ky, a);
            let e = sum(sq(f64(a[x, y] - seen[x, y])) for (x, y) in a) / n;
            if i == 0 && j == 0 { best.e_in_place = e; }
            if e < best.e_min {
                best.e_min = e;
                best.dx = f64(i) * step;
                best.dy = f64(j) * step;
            }
        }
    }
    best.white = f64(sum(i64(halftone[x, y]) for (x, y) in halftone)) / (255.0 * n);
    return best;
}

fn sq(v: f64) -> f64 { return v * v; }

test "black is its own halftone" {
    let r = study(fill(0, 13, 12));
    assert_eq(r.e_in_place, 0.0);
    assert_eq(r.e_min, 0.0);
    assert_eq(r.white, 0.0);
}

test "the best displacement is no worse than none" {
    let src: image<u8> = ramp(24, 16);
    let r = study(src, step: 0.2);
    assert_between(r.e_min, 0.0, r.e_in_place);
    assert_close(r.white, 0.5, 0.05);
    assert_eq(r.halftone[23, 8], 255);
}
