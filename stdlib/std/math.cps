//! Functions of real numbers.
//!
//! They are made only of operations that every machine rounds alike. For f32 they are computed in
//! f64 and rounded once more. Sine and its like are in `std.angles`, and can be had here too.
use std.angles { sin, cos, tan, atan, atan2 };
use std.float { polynomial, power_of_two, head, is_negative };

// Names end in _HIGH for the first bits of a number, so few that its products are exact, and in
// _LOW for what is missing.
const LN2: f64 = 0.6931471805599453;
const LN2_HIGH: f64 = 0.6931471803691238;  // 32 bits
const LN2_LOW: f64 = 1.9082149292705877e-10;
const LN2_HEAD: f64 = 0.6931471675634384;  // 26 bits
const LN2_TAIL: f64 = 1.2996506893889889e-08;
const INVERSE_LN2: f64 = 1.4426950408889634;

// Least maxima of the relative error, by Remez's algorithm with mpmath: (exp r - 1 - r) / r^2, so
// that exp r is right to 2^-57.9 for |r| <= ln 2 / 2; (ln((1 + s) / (1 - s)) - 2 s) / s^3 in s^2, to
// 2^-59.5 for |s| <= 0.1716; and the same but for its first term, 3 / 2 of it, to 2^-66.3.
const EXPONENTIAL: [f64; 10] = [
    0.5000000000000011, 0.16666666666666413, 0.04166666666653026, 0.008333333333494316,
    0.0013888888943599008, 0.00019841269506803798, 2.48014931347476e-05, 2.755758625524948e-06,
    2.7630234450402117e-07, 2.5000073009030604e-08,
];
const LOGARITHM: [f64; 7] = [
    0.6666666666666734, 0.3999999999941469, 0.2857142874238689, 0.22222198573102325,
    0.18183564337147423, 0.15314050125212902, 0.14795955192806748,
];
const FINE_LOGARITHM: [f64; 7] = [
    0.6000000000000338, 0.4285714285515017, 0.3333333377972575, 0.2727267656565608,
    0.23080135262829712, 0.1988524463218361, 0.19794318185732107,
];

/// The exponential function, to within 1 unit in the last place.
///
/// Infinity where the result is too large, 0 where it is too small, NaN for NaN.
fn exp<T: float>(v: T) -> T {
    return T(exp_f64(f64(v)));
}

// With k the integer nearest to v / ln 2 and r = v - k ln 2, exp v = 2^k exp r and |r| <= 0.35.
// ln 2 stands in two parts, the first so short that k LN2_HIGH is exact (W. J. Cody and W. Waite,
// Software Manual for the Elementary Functions, 1980).
fn exp_f64(v: f64) -> f64 {
    let x = min(max(v, -760.0), 720.0);  // beyond, the result is 0 or infinity anyway
    let k = round(x * INVERSE_LN2);
    let high = x - k * LN2_HIGH;
    let low = k * LN2_LOW;
    let r = high - low;
    return scaled_exp(r, (high - r) - low, i32(k));
}

// 2^n exp(r + lost) for |r| <= 0.35. Adding 1 last keeps the errors of all that came before small.
fn scaled_exp(r: f64, lost: f64, n: i32) -> f64 {
    let y = 1.0 + (r + (lost + r * r * polynomial(EXPONENTIAL, r)));
    let half = n >> 1;  // 2^n alone may be out of range where y 2^n is not
    return y * power_of_two(half) * power_of_two(n - half);
}

/// The natural logarithm, to within 1 unit in the last place.
///
/// NaN below 0, -infinity for both zeros.
fn log<T: float>(v: T) -> T {
    let x = f64(v);
    let p = fraction_and_exponent(x);
    let f = p[0];
    let k = p[1];
    let half = 0.5 * f * f;
    let y = k * LN2_HIGH - ((half - (bend(f, half) + k * LN2_LOW)) - f);
    return T(with_edges(x, y));
}

/// The logarithm to base 2, to within 1 unit in the last place; exact for powers of 2.
///
/// NaN below 0, -infinity for both zeros.
fn log2<T: float>(v: T) -> T {
    return T(log_to_base(f64(v), [1.4426950216293335, 1.9259629911266175e-08, 1.0, 0.0]));
}

/// The logarithm to base 10, to within 1 unit in the last place.
///
/// NaN below 0, -infinity for both zeros.
fn log10<T: float>(v: T) -> T {
    let base = [
        0.4342944771051407, 4.798111141615973e-09, 0.30102999566361177, 3.694239077158931e-13,
    ];
    return T(log_to_base(f64(v), base));
}

// `base` is 1 / ln b as head and tail, and log_b 2 as high and low part. ln(1 + f) is in two parts,
// f - f^2 / 2 rounded to its head and the rest, so that the product with 1 / ln b has no error.
fn log_to_base(v: f64, base: [f64; 4]) -> f64 {
    let p = fraction_and_exponent(v);
    let f = p[0];
    let k = p[1];
    let half = 0.5 * f * f;
    let high = head(f - half);
    let low = ((f - high) - half) + bend(f, half);
    let main = high * base[0];
    let whole = k * base[2];
    let y = whole + main;
    let rest = k * base[3] + (low + high) * base[1] + low * base[0];
    return with_edges(v, y + (rest + ((whole - y) + main)));
}

// ln(1 + f) - f + f^2 / 2, from ln(1 + f) = ln((1 + s) / (1 - s)) with s = f / (2 + f).
fn bend(f: f64, half: f64) -> f64 {
    let s = f / (2.0 + f);
    let z = s * s;
    return s * (half + z * polynomial(LOGARITHM, z));
}

// Logarithms of what is not between 0 and infinity; y otherwise.
fn with_edges(v: f64, y: f64) -> f64 {
    let below = if v == 0.0 { -inf } else if v < 0.0 { nan } else { v };
    return if v > 0.0 && v < inf { y } else { below };
}

// [m - 1, k] with v = 2^k m and m between sqrt(1 / 2) and sqrt 2, for finite v > 0. Adding the
// distance from sqrt(1 / 2) to 1 to the bits makes k their exponent.
fn fraction_and_exponent(v: f64) -> [f64; 2] {
    let small = v < 2.2250738585072014e-308;  // such numbers have fewer bits: 2^54 v has all
    let bits = bits_u64(if small { v * 18014398509481984.0 } else { v }) + 0x95f619980c433;
    let k = wrap_i32(bits >> 52) - (if small { 1077 } else { 1023 });
    return [bits_f64((bits & 0xfffffffffffff) + 0x3fe6a09e667f3bcd) - 1.0, f64(k)];
}

/// `x` to the power of `y`, to within 1 unit in the last place.
///
/// 1 if y = 0 or x = 1, even if the other is NaN; NaN if x is finite and below 0 and y is not a
/// whole number. Zeros and infinities give what C99 says.
fn pow<T: float>(x: T, y: T) -> T {
    return T(pow_f64(f64(x), f64(y)));
}

fn pow_f64(x: f64, y: f64) -> f64 {
    let a = abs(x);
    let half = 0.5 * y;
    let is_whole = floor(y) == y;
    let is_odd = is_whole && floor(half) != half;
    let inside = power(a, y);
    let edge = if (a == 0.0) == (y < 0.0) { inf } else { 0.0 };
    let size = if a == 0.0 || a == inf { edge } else { inside };
    let signed = if is_odd && is_negative(x) { -size } else { size };
    let is_real = x == x && y == y && (is_whole || x >= 0.0 || a == inf);
    return if y == 0.0 || x == 1.0 { 1.0 } else if is_real { signed } else { nan };
}

// 2^(y log2 a) for 0 < a < infinity. As the result may be e^700, the logarithm is needed to 2^-65:
// it is computed in two parts, and where a product matters, of heads, so that it is exact.
fn power(a: f64, y: f64) -> f64 {
    let l = fine_log2(a);
    let most = min(max(y, -73786976294838206464.0), 73786976294838206464.0);  // 2^66
    let y_head = head(most);
    let main = min(max(y_head * l[0], -1200.0), 1200.0);
    let rest = min(max((most - y_head) * l[0] + most * l[1], -1.0), 1.0);
    let n = round(main + rest);
    let part = main - n;
    let t = head(part + rest);
    let high = t * LN2_HEAD;
    let low = (rest - (t - part)) * LN2 + t * LN2_TAIL;
    let r = high + low;
    return scaled_exp(r, low - (r - high), i32(n));
}

// The logarithm of a to base 2 as head and rest. With s as in `bend` it is
// 2 s (3 + s^2 + s^4 …) / (3 ln 2).
fn fine_log2(a: f64) -> [f64; 2] {
    let p = fraction_and_exponent(a);
    let f = p[0];
    let k = p[1];
    let d = 2.0 + f;
    let inverse = 1.0 / d;
    let s_head = head(f * inverse);
    let d_head = head(d);
    let s_tail = ((f - s_head * d_head) - s_head * (f - (d_head - 2.0))) * inverse;
    let s = s_head + s_tail;
    let square = s_head * s_head;
    let z = square + s_tail * (s_head + s);
    let more = s_tail * (s_head + s) + z * z * polynomial(FINE_LOGARITHM, z);
    let w_head = head(3.0 + (square + more));
    let w_tail = more - ((w_head - 3.0) - square);
    let high = s_head * w_head;
    let low = s_tail * w_head + s * w_tail;
    let m_head = head(high + low);
    let m_tail = low - (m_head - high);
    let main = m_head * 0.9617966860532761;  // the head of 2 / (3 ln 2)
    let rest = m_head * 7.872699542894897e-09 + m_tail * 0.9617966939259756;
    let l_head = head(k + (main + rest));
    return [l_head, rest - ((l_head - k) - main)];
}

// The cube root to 2^-19 between 1 and 2, by Remez's algorithm with mpmath, and the cube roots of
// 2 and 4.
const ROOT: [f64; 6] = [
    0.47333075380102885, 0.8381597715720022, -0.4692283568227777, 0.20277697977467582,
    -0.05038645328140915, 0.005348535790623004,
];
const ROOT_2: f64 = 1.2599210498948732;
const ROOT_4: f64 = 1.5874010519681996;

/// The cube root, to within 1 unit in the last place; of negative numbers too.
fn cbrt<T: float>(v: T) -> T {
    return T(cbrt_f64(f64(v)));
}

// v = 8^q m with 1 <= m < 8. An estimate t of the root of m with 16 bits has an exact cube, and the
// root is t (1 + e)^(1/3) with e = (m - t^3) / t^3: four terms of that series are enough.
fn cbrt_f64(v: f64) -> f64 {
    let small = abs(v) < 2.2250738585072014e-308;  // 2^54 v has all bits
    let bits = bits_u64(abs(if small { v * 18014398509481984.0 } else { v }));
    let exponent = wrap_i32(bits >> 52);
    let third = (exponent * 21846) >> 16;  // exponent / 3, rounded down
    let left = exponent - 3 * third;       // 1023 is a multiple of 3
    let fraction = bits_f64((bits & 0xfffffffffffff) | 0x3ff0000000000000);
    let m = fraction * (if left == 0 { 1.0 } else if left == 1 { 2.0 } else { 4.0 });
    let scale = if left == 0 { 1.0 } else if left == 1 { ROOT_2 } else { ROOT_4 };
    let guess = bits_u64(polynomial(ROOT, fraction) * scale) + 0x800000000;
    let t = bits_f64(guess & 0xfffffff000000000);
    let cube = t * t * t;
    let e = (m - cube) / cube;
    let root = t
        + t * (e * (0.3333333333333333 + e * (-0.1111111111111111 + e * 0.06172839506172839)));
    let size = root * power_of_two(third - (if small { 359 } else { 341 }));
    let result = if is_negative(v) { -size } else { size };
    return if v == 0.0 || !(abs(v) < inf) { v } else { result };
}

/// The length of (x, y), sqrt(x^2 + y^2), to within 1 unit in the last place, whatever x and y.
///
/// Infinity if one is infinite, even if the other is NaN.
fn hypot<T: float>(x: T, y: T) -> T {
    return T(hypot_f64(f64(x), f64(y)));
}

// Scaled by a power of 2 so that no square is too large or too small.
fn hypot_f64(x: f64, y: f64) -> f64 {
    let most = max(abs(x), abs(y));
    let scale = if most > 1e150 { SMALL } else if most < 1e-130 { LARGE } else { 1.0 };
    let back = if most > 1e150 { LARGE } else if most < 1e-130 { SMALL } else { 1.0 };
    let a = square(most * scale);
    let b = square(min(abs(x), abs(y)) * scale);
    let root = sqrt(a[0] + (b[0] + (a[1] + b[1]))) * back;
    return if abs(x) == inf || abs(y) == inf { inf } else { root };
}

const SMALL: f64 = 2.409919865102884e-181;  // 2^-600
const LARGE: f64 = 4.149515568880993e+180;

// The square of v as a float and what it rounds off.
fn square(v: f64) -> [f64; 2] {
    let high = head(v);
    let low = v - high;
    let s = v * v;
    return [s, ((high * high - s) + 2.0 * high * low) + low * low];
}
