//! Sine and its like. `std.math` passes these names on.
use std.float { polynomial, is_negative };

// pi / 2 in four parts: three of 32 bits, so that whole multiples of them are exact, and a rest.
const QUARTER: [f64; 4] = [
    1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32,
];
const INVERSE_QUARTER: f64 = 0.6366197723675814;
const NEAR: f64 = 1647099.0;  // up to 2^20 quarter turns

// The bits of 2 / pi behind the point, 32 a word, after 64 zeros. Computed with mpmath 1.4.
const INVERSE_BITS: [u64; 37] = [
    0, 0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab,
    0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5,
    0x2ebb4484, 0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff,
    0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7,
    0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1,
];

// The 64 of these bits that begin at bit 8 i.
const INVERSE_FROM: [u64; 138] = [
    (((INVERSE_BITS[i / 4] << 32) | INVERSE_BITS[i / 4 + 1]) << u64(i % 4 * 8))
        | (INVERSE_BITS[i / 4 + 2] >> u64(32 - i % 4 * 8))
    for i in 0..138
];
const WORD: u64 = 0xffffffff;
const QUARTER_UNIT: f64 = 8.515303950216386e-20;  // 2^-64 pi / 2

// Least maxima of the relative error (Remez, with mpmath): (sin r - r) / r^3 in r^2 to 2^-58,
// (cos r - 1 + r^2 / 2) / r^4 in r^2 to 2^-64, both for |r| <= pi / 4, and (atan t - t) / t^3 in
// t^2 to 2^-57 for |t| <= 1 / 2.
const SINE: [f64; 6] = [
    -0.16666666666666632, 0.008333333333322422, -0.00019841269829815112, 2.755731369457235e-06,
    -2.505075854888301e-08, 1.5896821777140346e-10,
];
const COSINE: [f64; 6] = [
    0.0416666666666666, -0.0013888888888874136, 2.4801587289490153e-05, -2.755731435473811e-07,
    2.087572361371233e-09, -1.1359666102628437e-11,
];
const ARC: [f64; 12] = [
    -0.33333333333332993, 0.19999999999905635, -0.14285714276589423, 0.11111110667814825,
    -0.09090896435644538, 0.07692076714664484, -0.06663837561371122, 0.05858471220973272,
    -0.051227320509935656, 0.041884427100415546, -0.02746463761950007, 0.010136724423745974,
];

/// The sine of an angle in radians, to within 1 unit in the last place.
///
/// Of angles beyond 1,647,099 to within 2^-52. NaN for infinities and NaN.
fn sin<T: float>(v: T) -> T {
    let x = f64(v);
    let p = quarter_turns(abs(x));
    return T(wave(p, i32(p[2]) + (if is_negative(x) { 2 } else { 0 })));
}

/// The cosine of an angle in radians, to within 1 unit in the last place.
///
/// Of angles beyond 1,647,099 to within 2^-52. NaN for infinities and NaN.
fn cos<T: float>(v: T) -> T {
    let p = quarter_turns(abs(f64(v)));
    return T(wave(p, i32(p[2]) + 1));
}

/// The tangent of an angle in radians, to within 2 units in the last place.
///
/// Beyond 1,647,099 it is that of an angle nearer than 2^-52 to `v`. NaN for infinities and NaN.
fn tan<T: float>(v: T) -> T {
    let x = f64(v);
    let p = quarter_turns(abs(x));
    let s = sine(p[0], p[1]);
    let c = cosine(p[0], p[1]);
    let odd = (i32(p[2]) & 1) != 0;
    let t = (if odd { -c } else { s }) / (if odd { s } else { c });
    return T(if is_negative(x) { -t } else { t });
}

// sin(a) = sin(r + lost + k pi / 2) for p = [r, lost, k]; cos(a) is that for k + 1.
fn wave(p: [f64; 3], k: i32) -> f64 {
    let s = sine(p[0], p[1]);
    let c = cosine(p[0], p[1]);
    let v = if (k & 1) == 0 { s } else { c };
    return if (k & 2) == 0 { v } else { -v };
}

fn sine(r: f64, lost: f64) -> f64 {
    let z = r * r;
    return r + (z * r * polynomial(SINE, z) + lost * (1.0 - 0.5 * z));
}

fn cosine(r: f64, lost: f64) -> f64 {
    let z = r * r;
    let half = 0.5 * z;
    let w = 1.0 - half;
    return w + (((1.0 - w) - half) + (z * z * polynomial(COSINE, z) - r * lost));
}

// [r, lost, k] for a >= 0: a = r + lost + k pi / 2, but for a multiple of 2 pi; |r| <= pi / 4.
fn quarter_turns(a: f64) -> [f64; 3] {
    return if a <= NEAR { few_quarter_turns(a) } else { many_quarter_turns(a) };
}

// W. J. Cody and W. Waite's way: k times each part of pi / 2 is exact, so nothing is lost but what
// rounds off the differences, and that is added again.
fn few_quarter_turns(a: f64) -> [f64; 3] {
    let k = round(a * INVERSE_QUARTER);
    let t = a - k * QUARTER[0];
    let b = k * QUARTER[1];
    let c = k * QUARTER[2];
    let u = t - b;
    let v = u - c;
    let lost = (rounded_off(t, b, u) + rounded_off(u, c, v)) - k * QUARTER[3];
    let r = v + lost;
    return [r, lost - (r - v), k];
}

// What a - b is more than its rounded value d (D. E. Knuth).
fn rounded_off(a: f64, b: f64, d: f64) -> f64 {
    let c = a - d;
    return (a - (d + c)) + (c - b);
}

// M. H. Payne and R. N. Hanek's way: a = m 2^e with m whole. Bits of 2 / pi so far in front that
// m 2^e times them is a multiple of 4 do not matter. The next 128 are multiplied with m by words of
// 32 bits; what is left out of the product is less than 3 units of 2^-64 turns.
fn many_quarter_turns(a: f64) -> [f64; 3] {
    let bits = bits_u64(a);
    let first = max(wrap_i32((bits >> 52) & 0x7ff) - 1013, 0);
    let m = ((bits & 0xfffffffffffff) | 0x10000000000000) << wrap_u64(first & 7);
    let high = m >> 32;
    let low = m & WORD;
    let front = INVERSE_FROM[first >> 3];
    let back = INVERSE_FROM[(first >> 3) + 8];
    let second = front & WORD;
    let third = back >> 32;
    let turn = ((low * (front >> 32) + high * second) << 32) + low * second + high * third
        + (low * third >> 32) + (high * (back & WORD) >> 32);
    // What it is more than the nearest quarter; infinity and NaN get in by the last product.
    let r = f64(wrap_i64(turn << 2)) * QUARTER_UNIT;
    return [r, a * 0.0, f64((turn + 0x2000000000000000) >> 62)];
}

const EIGHTH_HIGH: f64 = 0.7853981633974483;  // the first 50 bits of pi / 4
const EIGHTH_LOW: f64 = 3.061616997868383e-17;

/// The angle whose tangent is `v`, between -pi / 2 and pi / 2, to within 2 units in the last place.
fn atan<T: float>(v: T) -> T {
    return T(atan2_f64(f64(v), 1.0));
}

/// The angle from the x axis to the point (x, y), between -pi and pi, to within 2 units in the
/// last place.
///
/// On the axes, at infinity and for zeros of either sign it is what C99 says; NaN for NaN.
fn atan2<T: float>(y: T, x: T) -> T {
    return T(atan2_f64(f64(y), f64(x)));
}

// With b <= a the magnitudes of x and y, atan(b / a) is pi / 4 + atan((b - a) / (b + a)) or
// atan(b / a): the first where b > a / 2, since b - a is exact there. That is n pi / 4 + atan t with
// |t| <= 1 / 2, and for the other eighths of the circle n and the sign of t are others.
fn atan2_f64(y: f64, x: f64) -> f64 {
    let least = min(abs(x), abs(y));
    let most = max(abs(x), abs(y));
    let scale = if most > 1e300 { 1e-30 } else { 1.0 };  // so that b + a is finite
    let endless = most == inf;
    let a = if endless || most == 0.0 { 1.0 } else { most * scale };
    let b = if endless { if least == inf { 1.0 } else { 0.0 } } else { least * scale };
    let steep = b > 0.5 * a;
    let swapped = abs(y) > abs(x);
    let left = is_negative(x);
    let ratio = (if steep { b - a } else { b }) / (if steep { b + a } else { a });
    let t = if swapped != left { -ratio } else { ratio };
    let z = t * t;
    let eighth = if steep { 1.0 } else { 0.0 };
    let quarter = if swapped { 2.0 - eighth } else { eighth };
    let n = if left { 4.0 - quarter } else { quarter };
    let main = n * EIGHTH_HIGH + t;
    let rest = (t - (main - n * EIGHTH_HIGH)) + (t * z * polynomial(ARC, z) + n * EIGHTH_LOW);
    return if is_negative(y) { -(main + rest) } else { main + rest };
}
