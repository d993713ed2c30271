//! Rule A16 of docs/language.md: as `cpsc test` runs it, signed arithmetic that wraps traps.

const TOP: i32 = 2147483647;
const BOTTOM: i32 = -2147483648;

kernel arithmetic(in a: image<i32>, out dst: image<i32, 3>(1, 1), param b: i32 = 1) {
    let v = a[0, 0];
    map (x, y) in dst { dst[x, y] = [v + b, v - b, v * b]; }
}

kernel divide(in a: image<i32>, out dst: image<i32, 3>(1, 1), param b: i32 = -1) {
    let v = a[0, 0];
    map (x, y) in dst { dst[x, y] = [v / b, div_floor(v, b), div_round(v, b)]; }
}

kernel remainders(in a: image<i32>, out dst: image<i32, 2>(1, 1), param b: i32 = -1) {
    let v = a[0, 0];
    map (x, y) in dst { dst[x, y] = [v % b, mod_floor(v, b)]; }
}

kernel signs(in a: image<i32>, out dst: image<i32, 2>(1, 1)) {
    let v = a[0, 0];
    map (x, y) in dst { dst[x, y] = [-v, abs(v)]; }
}

kernel total(in a: image<i32>, out dst: image<i32>(1, 1)) {
    let t = sum(a[x, y] for (x, y) in a);
    map (x, y) in dst { dst[x, y] = t; }
}

kernel far(in a: image<i64>, out dst: image<i64>(1, 1)) {
    map (x, y) in dst { dst[x, y] = a[0, 0] * a[0, 0]; }
}

kernel unsigned(in a: image<u32>, out dst: image<u32>(1, 1)) {
    map (x, y) in dst { dst[x, y] = a[0, 0] * 3 + 7; }
}

/// Twice more than fits: what is left is small again, and wrong.
kernel twice(in a: image<i32>, out dst: image<i32>(1, 1)) {
    map (x, y) in dst { dst[x, y] = a[0, 0] + TOP + TOP; }
}

/// Nothing reads what wraps here.
kernel lazy(in a: image<i32>, out dst: image<i32>(1, 1)) {
    let v = a[0, 0];
    map (x, y) in dst { dst[x, y] = if v > 0 { v } else { v - 1 }; }
}

test "A16 sums, differences, products" {
    assert_eq(arithmetic(fill(TOP, 1, 1), b: 0).dst[0, 0], [TOP, TOP, 0]);
    assert_traps(arithmetic(fill(TOP, 1, 1), b: 1));
    assert_traps(arithmetic(fill(BOTTOM, 1, 1), b: 1));
    assert_traps(arithmetic(fill(65536, 1, 1), b: 32768));
    assert_eq(arithmetic(fill(65536, 1, 1), b: 32767).dst[0, 0], [98303, 32769, 2147418112]);
}

test "A16 quotients, but no remainders" {
    assert_traps(divide(fill(BOTTOM, 1, 1)));
    assert_eq(divide(fill(-TOP, 1, 1)).dst[0, 0], [TOP, TOP, TOP]);
    assert_eq(remainders(fill(BOTTOM, 1, 1)).dst[0, 0], [0, 0]);
}

test "A16 signs" {
    assert_traps(signs(fill(BOTTOM, 1, 1)));
    assert_eq(signs(fill(-TOP, 1, 1)).dst[0, 0], [TOP, TOP]);
}

test "A16 partial sums" {
    assert_eq(total(fill(1, 7, 5)).dst[0, 0], 35);
    assert_traps(total(fill(TOP, 2, 1)));
}

test "A16 wide products" {
    assert_eq(far(fill(3037000499, 1, 1)).dst[0, 0], 9223372030926249001);
    assert_traps(far(fill(3037000500, 1, 1)));
}

test "A16 unsigned arithmetic is for wrapping" {
    assert_eq(unsigned(fill(4294967295, 1, 1)).dst[0, 0], 4);
}

test "A16 constants that are added up" {
    assert_traps(twice(fill(5, 1, 1)));
    assert_eq(twice(fill(BOTTOM, 1, 1)).dst[0, 0], 2147483646);
}

test "A16 the arm that is not taken" {
    assert_eq(lazy(fill(TOP, 1, 1)).dst[0, 0], TOP);
    assert_traps(lazy(fill(BOTTOM, 1, 1)));
}
