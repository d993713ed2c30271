//! Random numbers that are functions of a seed and a place.
//!
//! There is no state: every machine draws the same numbers, in any order.

// The multipliers and steps of J. Salmon, M. Moraes, R. Dror and D. Shaw, Parallel Random Numbers:
// As Easy as 1, 2, 3 (2011).
const FIRST: u64 = 0xd2511f53;
const SECOND: u64 = 0xcd9e8d57;
const STEP: [u32; 2] = [0x9e3779b9, 0xbb67ae85];

/// Philox 4x32-10: four random words for a counter and a key.
fn philox4(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    var c = counter;
    var k = key;
    for i in 0..10 {
        let a = u64(c[0]) * FIRST;
        let b = u64(c[2]) * SECOND;
        c = [
            wrap_u32(b >> 32) ^ c[1] ^ k[0],
            wrap_u32(b),
            wrap_u32(a >> 32) ^ c[3] ^ k[1],
            wrap_u32(a),
        ];
        k += STEP;
    }
    return c;
}

/// Four random words for a place.
fn philox_words(seed: u64, x: i32, y: i32) -> [u32; 4] {
    return philox4([wrap_u32(x), wrap_u32(y), 0, 0], [wrap_u32(seed), wrap_u32(seed >> 32)]);
}

/// A random word for a place.
fn philox(seed: u64, x: i32, y: i32) -> u32 {
    return philox_words(seed, x, y)[0];
}

/// A random number from 0 to below 1 for a place, a multiple of 2^-53.
fn uniform(seed: u64, x: i32, y: i32) -> f64 {
    let words = philox_words(seed, x, y);
    return f64((u64(words[0]) << 21) ^ u64(words[1] >> 11)) * 1.1102230246251565e-16;
}

/// A random number from 0 to below 1 for a place, a multiple of 2^-24.
fn uniform_f32(seed: u64, x: i32, y: i32) -> f32 {
    return f32(philox(seed, x, y) >> 8) * 5.9604644775390625e-8;
}

/// A random number from `low` to below `high` for a place; each is as likely to within 2^-32.
fn random_integer(seed: u64, x: i32, y: i32, low: i32, high: i32) -> i32 {
    let size = u64(wrap_u32(high) - wrap_u32(low));
    return wrap_i32(i64(low) + wrap_i64((u64(philox(seed, x, y)) * size) >> 32));
}

// The authors' vectors (kat_vectors of Random123).
test "the known answers" {
    assert_eq(
        philox4([0, 0, 0, 0], [0, 0]),
        [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    );
    let all: u32 = 0xffffffff;
    assert_eq(
        philox4([all, all, all, all], [all, all]),
        [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    );
    assert_eq(
        philox4([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
        [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    );
}

test "a place is the counter, a seed the key" {
    assert_eq(
        philox(0x299f31d0a4093822, -3, 5),
        philox4([4294967293, 5, 0, 0], [0xa4093822, 0x299f31d0])[0],
    );
}

test "numbers stay in their range and are even" {
    assert_between(sum(uniform(1, i, 0) for i in 0..1000) / 1000.0, 0.48, 0.52);
    assert_between(max(uniform(1, i, 0) for i in 0..1000), 0.99, 0.9999999999999999);
    assert_between(max(uniform_f32(1, i, 0) for i in 0..1000), 0.99, 0.99999994);
    assert_eq(min(random_integer(2, i, 7, -3, 4) for i in 0..1000), -3);
    assert_eq(max(random_integer(2, i, 7, -3, 4) for i in 0..1000), 3);
    assert_between(sum(random_integer(2, i, 7, -3, 4) for i in 0..1000), -200, 200);
}
