//! Rules T1 to T14 of docs/language.md, each by a test that names it.

record Numbers { a: u8, b: i16, c: f32, d: bool }

fn larger(a: u8, b: u8) -> u8 { return max(a, b); }

fn changed(v: [i32; 3]) -> [i32; 3] {
    var w = v;
    w[1] = 9;
    return w;
}

fn at(v: [i32; 3], i: i32) -> i32 { return v[i]; }

kernel element(in src: image<u8>, out dst: image<i32>(1, 1)) {
    map (x, y) in dst { dst[x, y] = at([4, 5, 6], i32(src.clamp[0, 0])); }
}

kernel narrow(in src: image<i8>, out dst: image<i8>(src.width, src.height)) {
    map (x, y) in dst {
        let a = src[x, y];
        let b = src.clamp[x + 1, y];
        dst[x, y] = if a < b && a != b { min(a, b) } else { max(a, -3) };
    }
}

kernel pixels(in src: image<u8, 3>, out dst: image<u8, 3>(src.width, src.height)) {
    map (x, y) in dst {
        let p = src[x, y];
        dst[x, y] = [p[2], p[1], p[0]];
    }
}

kernel fresh(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var t: image<i32>(src.width, src.height);
    map (x, y) in dst { dst[x, y] = t[x, y] * 2; }
}

kernel sized(in a: image<u8>, in b: image<u8>(a.width, a.height), out dst: image<i32>(a.height, 2)) {
    map (x, y) in dst { dst[x, y] = a.width * 100 + b.height; }
}

test "T1 compute types" {
    let a: bool = true;
    let b: i32 = -2147483648;
    let c: u32 = 4294967295;
    let d: i64 = -9223372036854775808;
    let e: u64 = 18446744073709551615;
    let f: f32 = 0.1;
    let g: f64 = 0.1;
    assert_eq(a, !false);
    assert_eq(b - 1, 2147483647);
    assert_eq(c + 1, 0);
    assert_eq(d - 1, 9223372036854775807);
    assert_eq(e + 1, 0);
    assert_eq(f64(f) == g, false);
}

test "T2 narrow values are copied, compared, selected, put through min and max" {
    assert_eq(larger(3, 200), 200);
    let src: image<i8> = ramp(5, 1);
    let out = narrow(src).dst;
    assert_eq(out[0, 0], src[0, 0]);
    assert_eq(narrow(fill(-100, 2, 1)).dst[0, 0], -3);
}

test "T4 conversions are explicit" {
    let v: u8 = 250;
    assert_eq(i32(v) + 10, 260);
    assert_eq(f64(v) / 4.0, 62.5);
}

test "T5 literals take the type of their place" {
    let a: u64 = 5;
    let b: f32 = 5;
    let c = 5;
    let d = 5e0;
    assert_eq(a, 5);
    assert_eq(b, 5.0);
    assert_eq(c, 5);
    assert_eq(d, 5.0);
    assert_eq(1.5f32, 1.5);
    assert_eq(f64(0.1f32) == 0.1f64, false);
    assert_eq(-inf < inf, true);
    assert_eq(nan == nan, false);
    assert_eq(0x_ff, 255);
    assert_eq(0b1010, 10);
    assert_eq(1_000, 1000);
}

test "T6 arrays and their elements" {
    let a = [1, 2, 3];
    let b = [7; 3];
    let c = [i * i for i in 2..5];
    let d = [[i + j for j in 0..2] for i in 0..3];
    assert_eq(a[2] + b[0], 10);
    assert_eq(c, [4, 9, 16]);
    assert_eq(d[2][1], 3);
    assert_eq(element(fill(2, 1, 1)).dst[0, 0], 6);
    assert_traps(element(fill(3, 1, 1)));
}

test "T7 arrays are added, subtracted, multiplied, scaled" {
    let a = [1.0, 2.0];
    let b = [10.0, 20.0];
    assert_eq(a + b, [11.0, 22.0]);
    assert_eq(b - a, [9.0, 18.0]);
    assert_eq(a * b, [10.0, 40.0]);
    assert_eq(3.0 * a, [3.0, 6.0]);
    assert_eq(a * 3.0, [3.0, 6.0]);
    assert_eq(b / 4.0, [2.5, 5.0]);
}

test "T8 arrays are values" {
    let a = [1, 2, 3];
    let b = changed(a);
    assert_eq(a, [1, 2, 3]);
    assert_eq(b, [1, 9, 3]);
}

test "T9 records" {
    var r = Numbers(a: 1, b: -2, c: 0.5, d: false);
    r.a = max(r.a, 7);
    assert_eq(r.a, 7);
    assert_eq(Numbers(1, 2, 3.0, true).d, true);
}

test "T10 a pixel of several numbers is an array" {
    let src: image<u8, 3> = noise(1, 4, 3);
    let out = pixels(src).dst;
    assert_eq(out[1, 2][0], src[1, 2][2]);
    assert_eq(pixels(out).dst, src);
}

test "T12 images have one pixel or more, and sizes in i32" {
    let src: image<u8> = fill(0, 7, 3);
    let w: i32 = src.width;
    assert_eq(w * 10 + src.height, 73);
}

test "T13 a declared image starts at zero" {
    assert_eq(fresh(fill(255, 9, 5)).dst, fill(0, 9, 5));
}

test "T14 sizes are demanded" {
    let a: image<u8> = fill(0, 3, 2);
    assert_eq(sized(a, a).dst[1, 1], 302);
}
