//! Functions of real numbers, made only of operations that every machine rounds alike.

const LN2_HIGH: f64 = 0.6931471803691238;     // the first 32 bits of ln 2
const LN2_LOW: f64 = 1.9082149292705877e-10;  // ln 2 - LN2_HIGH
const INVERSE_LN2: f64 = 1.4426950408889634;

/// The exponential function, to within 1 unit in the last place.
///
/// Infinity where the result is too large, 0 where it is too small, NaN for NaN.
fn exp<T: float>(v: T) -> T {
    return T(exp_f64(f64(v)));
}

// With k the integer nearest to v / ln 2 and r = v - k ln 2, exp v = 2^k exp r and |r| <= 0.35.
// ln 2 stands in two parts, the first so short that k LN2_HIGH is exact (W. J. Cody and W. Waite,
// Software Manual for the Elementary Functions, 1980). exp r is its Taylor series up to r^13, whose
// rest is below 2^-57. Adding 1 last keeps the errors of all that came before small.
fn exp_f64(v: f64) -> f64 {
    let x = min(max(v, -760.0), 720.0);  // beyond, the result is 0 or infinity anyway
    let k = round(x * INVERSE_LN2);
    let high = x - k * LN2_HIGH;
    let low = k * LN2_LOW;
    let r = high - low;
    let lost = (high - r) - low;
    let p = 2.505210838544172e-08 + r * (2.08767569878681e-09 + r * 1.6059043836821613e-10);
    let q = 2.48015873015873e-05
        + r * (2.7557319223985893e-06 + r * (2.755731922398589e-07 + r * p));
    let s = 0.001388888888888889 + r * (0.0001984126984126984 + r * q);
    let t = 0.5
        + r * (
            0.16666666666666666 + r * (0.041666666666666664 + r * (0.008333333333333333 + r * s))
        );
    let y = 1.0 + (r + (lost + r * r * t));
    let n = i32(k);
    let half = n >> 1;  // 2^k alone may be out of range where y 2^k is not
    return y * power_of_two(half) * power_of_two(n - half);
}

// 2^n for -1022 <= n <= 1023, from its bits.
fn power_of_two(n: i32) -> f64 {
    return bits_f64(wrap_u64(n + 1023) << 52);
}
