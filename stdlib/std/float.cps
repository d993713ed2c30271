//! What functions of floats are made of: polynomials, parts, signs.

/// coefficients[0] + coefficients[1] v + coefficients[2] v² + …, by Horner's rule.
fn polynomial<const N: i32>(coefficients: [f64; N], v: f64) -> f64 {
    var total = coefficients[N - 1];
    for i in 1..N { total = total * v + coefficients[N - 1 - i]; }
    return total;
}

/// 2^n for -1022 <= n <= 1023, made from its bits.
fn power_of_two(n: i32) -> f64 {
    return bits_f64(wrap_u64(n + 1023) << 52);
}

/// The first 26 of the 53 bits of a float: the product of two heads is exact.
fn head(v: f64) -> f64 {
    return bits_f64(bits_u64(v) & 0xfffffffff8000000);
}

/// Whether the sign bit is set: true for -0, false for NaN.
fn is_negative(v: f64) -> bool {
    return bits_i64(v) < 0;
}
