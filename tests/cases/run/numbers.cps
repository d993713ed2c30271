//! Arithmetic at its edges.

kernel integers(in src: image<i32>, out dst: image<i32>(24, 1)) {
    let m = src[0, 0];
    dst[0, 0] = -7 / 2 * m;
    dst[1, 0] = -7 % 2 * m;
    dst[2, 0] = div_floor(-7 * m, 2);
    dst[3, 0] = mod_floor(-7 * m, 2);
    dst[4, 0] = div_round(-7 * m, 2);
    dst[5, 0] = (m << 31) / -m;
    dst[6, 0] = (m << 31) % -m;
    dst[7, 0] = 2147483647 + m;
    dst[8, 0] = m << 33;
    dst[9, 0] = -8 * m >> 1;
    dst[10, 0] = i32(wrap_u8(300 * m));
    dst[11, 0] = i32(sat_u8(300 * m)) + i32(sat_u8(-3 * m));
    dst[12, 0] = i32(sat_i8(-300 * m));
    dst[13, 0] = wrap_i32(u32(4000000000) + wrap_u32(m) - wrap_u32(m));
    dst[14, 0] = abs(-5 * m) + (if m != 1 { 1 } else { 0 });
    dst[15, 0] = (m | 6) ^ 3 & ~m;
    dst[16, 0] = i32(u8(255 * m));
    dst[17, 0] = min(m, 3) + max(-m, -3);
    dst[18, 0] = i32(i64(m) * 5000000000 / 2500000000);
}

test "integers" {
    let out = integers(fill(1, 1, 1)).dst;
    assert_eq(
        [out[i, 0] for i in 0..19],
        [-3, -1, -4, 1, -4, -2147483648, 0, -2147483648, 2, -4, 44, 255, -128, -294967296, 5, 5, 255, 0, 2]
    );
}

kernel floats(in src: image<f64>, out dst: image<f64>(16, 1)) {
    let z = src[0, 0];
    dst[0, 0] = 1.0 / z;
    dst[1, 0] = -1.0 / z;
    dst[2, 0] = 1.0 / (-z);
    dst[3, 0] = z / z;
    dst[4, 0] = min(z, -z);
    dst[5, 0] = f64(i32(1e20 + z)) + f64(i32(nan + z));
    dst[6, 0] = f64(f32(0.1 + z));
    dst[7, 0] = round(2.5 + z) + round(3.5 + z);
    dst[8, 0] = floor(-1.5 + z) * 10.0 + ceil(-1.5 + z);
    dst[9, 0] = trunc(-1.5 + z) + sqrt(2.25 + z);
    dst[10, 0] = if nan + z == nan { 1.0 } else { 0.0 };
    dst[11, 0] = max(nan, 1.0 + z);
    dst[12, 0] = f64(bits_u64(1.0 + z) >> 52);
    dst[13, 0] = abs(-2.0 + z);
}

test "floats" {
    let out = floats(fill(0.0, 1, 1)).dst;
    assert_eq([out[i, 0] for i in 0..3], [inf, -inf, -inf]);
    assert_eq(bits_u64(out[3, 0]), 0x7ff8000000000000);
    assert_eq(bits_u64(out[4, 0]), 0x8000000000000000);
    assert_eq(
        [out[i, 0] for i in 5..11], [2147483647.0, 0.10000000149011612, 6.0, -21.0, 0.5, 0.0]
    );
    assert_eq(bits_u64(out[11, 0]), 0x7ff8000000000000);
    assert_eq([out[12, 0], out[13, 0]], [1023.0, 2.0]);
}

kernel traps(in src: image<i32>, out dst: image<i32>(1, 1), param kind: i32 = 0) {
    let zero = src[0, 0];
    require(kind >= 0, "kinds count from 0");
    if kind == 1 { dst[0, 0] = 1 / zero; }
    if kind == 2 { dst[0, 0] = i32(u8(zero - 1)); }
    if kind == 3 { require(zero > 0, "inside"); }
    if kind == 4 { let unused = 1 % zero; }
    if kind == 5 { dst[0, 0] = if zero == 0 { 5 } else { 1 / zero }; }
}

test "traps" {
    let src: image<i32> = fill(0, 1, 1);
    assert_eq(traps(src).dst[0, 0], 0);
    assert_traps(traps(src, kind: -1));
    assert_traps(traps(src, kind: 1));
    assert_traps(traps(src, kind: 2));
    assert_traps(traps(src, kind: 3));
    assert_traps(traps(src, kind: 4));
    assert_eq(traps(src, kind: 5).dst[0, 0], 5);
}
