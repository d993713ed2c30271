//! Small helpers for pixels.
//!
//! `min` and `max` are known everywhere; they are here for completeness.
use std.builtin { min, max };

/// The square root of `v`, rounded down; 0 for negative numbers.
// Exact: an f64 holds every i32, and the square roots of m * m - 1 and m * m are further apart
// than its precision for every m below 2^16.
fn isqrt(v: i32) -> i32 {
    return i32(sqrt(f64(v)));
}

/// The value nearest to `v` in `low..=high`; for low > high it is `high`.
fn clamp<T: num>(v: T, low: T, high: T) -> T {
    return min(max(v, low), high);
}
