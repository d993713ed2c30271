//! Rules A1 to A15 of docs/language.md, each by a test that names it.

kernel divide(in a: image<i32>, out dst: image<i32, 5>(1, 1), param by: i32 = 2) {
    let v = a[0, 0];
    map (x, y) in dst {
        dst[x, y] = [v / by, v % by, div_floor(v, by), mod_floor(v, by), div_round(v, by)];
    }
}

kernel narrowed(in a: image<i32>, out dst: image<u8, 2>(1, 1)) {
    map (x, y) in dst { dst[x, y] = [sat_u8(a[0, 0]), wrap_u8(a[0, 0])]; }
}

kernel checked(in a: image<i32>, out dst: image<u8>(1, 1)) {
    map (x, y) in dst { dst[x, y] = u8(a[0, 0]); }
}

kernel lazy(in a: image<i32>, out dst: image<i32>(1, 1)) {
    let v = a[0, 0];
    let good = v != 0 && 10 / v > 1;
    let well = v == 0 || 10 / v > 1;
    map (x, y) in dst { dst[x, y] = (if good { 1 } else { 0 }) + (if well { 10 } else { 0 }); }
}

kernel floats(in a: image<f32>, out dst: image<f32>(1, 1), param b: f32 = 1.0) {
    let v = a[0, 0];
    map (x, y) in dst { dst[x, y] = (v + b) - v; }
}

kernel compared(in a: image<f64>, out dst: image<i32>(1, 1)) {
    let v = a[0, 0];
    let truths = [v < v, v <= v, v == v, v >= v, v > v, v != v];
    map (x, y) in dst { dst[x, y] = sum(if truths[i] { 1 << i } else { 0 } for i in 0..6); }
}

kernel converted(in a: image<f64>, out dst: image<i32, 2>(1, 1)) {
    map (x, y) in dst { dst[x, y] = [i32(a[0, 0]), i32(u8(a[0, 0]))]; }
}

kernel shown(in a: image<f32>, out dst: image<f32>(1, 1)) {
    map (x, y) in dst { dst[x, y] = -sqrt(a[0, 0]); }
}

kernel first_trap(in a: image<i32>, out dst: image<i32>(1, 1)) {
    let v = [1 / a[0, 0], i32(u8(a[0, 0] - 1))];
    map (x, y) in dst { dst[x, y] = v[0] + v[1]; }
}

test "A1 integers wrap" {
    let top: i32 = 2147483647;
    assert_eq(top + 1, -2147483648);
    assert_eq(top * top, 1);
    assert_eq(-2147483648 - 1, top);
    let unsigned: u32 = 0;
    assert_eq(unsigned - 1, 4294967295);
    let long: u64 = 1 << 63;
    assert_eq(long * 2, 0);
}

test "A2 division" {
    assert_eq(divide(fill(-7, 1, 1)).dst[0, 0], [-3, -1, -4, 1, -4]);
    assert_eq(divide(fill(7, 1, 1), by: -2).dst[0, 0], [-3, 1, -4, -1, -4]);
    assert_eq(divide(fill(5, 1, 1), by: 3).dst[0, 0], [1, 2, 1, 2, 2]);
}

test "A3 division by zero, and MIN / -1" {
    assert_traps(divide(fill(1, 1, 1), by: 0));
    assert_eq(divide(fill(-2147483648, 1, 1), by: -1).dst[0, 0],
              [-2147483648, 0, -2147483648, 0, -2147483648]);
}

test "A4 shifts" {
    assert_eq(1 << 33, 2);
    assert_eq(-8 >> 1, -4);
    assert_eq(-8 >> 33, -4);
    let u: u32 = 0x_8000_0000;
    assert_eq(u >> 31, 1);
}

test "A5 bits and truths" {
    assert_eq(12 & 10, 8);
    assert_eq(12 | 10, 14);
    assert_eq(12 ^ 10, 6);
    assert_eq(~0, -1);
    assert_eq(!true || true && false, false);
    assert_eq(lazy(fill(0, 1, 1)).dst[0, 0], 10);
    assert_eq(lazy(fill(3, 1, 1)).dst[0, 0], 11);
    assert_eq(lazy(fill(10, 1, 1)).dst[0, 0], 0);
}

test "A6 narrowing" {
    assert_eq(narrowed(fill(300, 1, 1)).dst[0, 0], [255, 44]);
    assert_eq(narrowed(fill(-1, 1, 1)).dst[0, 0], [0, 255]);
    assert_eq(checked(fill(255, 1, 1)).dst[0, 0], 255);
    assert_traps(checked(fill(256, 1, 1)));
    assert_traps(checked(fill(-1, 1, 1)));
}

test "A7 every operation is rounded, nothing is reordered, subnormals stay" {
    assert_eq(floats(fill(1e8, 1, 1)).dst[0, 0], 0.0);
    assert_eq(floats(fill(16777216.0, 1, 1)).dst[0, 0], 0.0);
    assert_eq(0.1 + 0.2 == 0.3, false);
    let small: f32 = 1e-45;
    assert_eq(bits_u32(small), 1);
    assert_eq(bits_u32(small / 2.0), 0);
    assert_eq(bits_u32(small * 3.0), 3);
}

test "A8 roots and roundings" {
    assert_eq(sqrt(2.0) * sqrt(2.0) == 2.0, false);
    assert_eq(bits_u64(sqrt(2.0)), 4609047870845172685);
    assert_eq(round(2.5), 2.0);
    assert_eq(round(-3.5), -4.0);
    assert_eq(floor(-0.5), -1.0);
    assert_eq(bits_u64(ceil(-0.5)), bits_u64(-0.0));
    assert_eq(trunc(-2.9), -2.0);
    assert_eq(bits_u64(abs(-0.0)), 0);
}

test "A9 comparisons with NaN" {
    assert_eq(compared(fill(nan, 1, 1)).dst[0, 0], 32);
    assert_eq(compared(fill(1.0, 1, 1)).dst[0, 0], 14);
}

test "A10 minimum and maximum" {
    assert_eq(bits_u64(min(0.0, -0.0)), bits_u64(-0.0));
    assert_eq(bits_u64(max(-0.0, 0.0)), 0);
    let m = min(1.0, nan);
    let n = max(nan, 1.0);
    assert_eq(m == m || n == n, false);
}

test "A11 floats to integers and back" {
    assert_eq(converted(fill(-3.9, 1, 1)).dst[0, 0], [-3, 0]);
    assert_eq(converted(fill(1e20, 1, 1)).dst[0, 0], [2147483647, 255]);
    assert_eq(converted(fill(-inf, 1, 1)).dst[0, 0], [-2147483648, 0]);
    assert_eq(converted(fill(nan, 1, 1)).dst[0, 0], [0, 0]);
    let odd = [16777217, 16777219];
    assert_eq(f32(odd[0]), 16777216.0);
    assert_eq(f32(odd[1]), 16777220.0);
}

test "A12 NaN is one value" {
    assert_eq(bits_u32(shown(fill(-1.0, 1, 1)).dst[0, 0]), 0x_7fc0_0000);
    assert_eq(bits_u64(0.0 / 0.0 * -1.0), 0x_7ff8_0000_0000_0000);
}

test "A13 bits" {
    assert_eq(bits_u32(1.0f32), 0x_3f80_0000);
    let one: u32 = 0x_3f80_0000;
    assert_eq(bits_f32(one), 1.0);
    assert_eq(bits_f64(i64(0x_3ff0_0000_0000_0000)), 1.0);
}

test "A15 operands from left to right" {
    assert_traps(first_trap(fill(0, 1, 1)));
}
