//! Rules L1 to L22 of docs/language.md, each by a test that names it.

fn listed(a: i32, b: i32, k: i32) -> i32 {
    var n = 0;
    if k == 1 { for i in a..b { n = n * 10 + i; } }
    if k == 2 { for i in a..b step 2 { n = n * 10 + i; } }
    if k == 3 { for i in a..=b step 3 { n = n * 10 + i; } }
    return n;
}

kernel loops(in src: image<u8>, out dst: image<i32>(4, 1),
             param a: i32 in 0..=9 = 1, param b: i32 in 0..=9 = 5) {
    var bound = b;
    var trips = 0;
    for i in a..bound {
        bound = 0;
        trips += 1;
    }
    let all = [listed(1, 5, 1), listed(1, 6, 2), listed(1, 7, 3), trips];
    map (x, y) in dst { dst[x, y] = all[x]; }
}

kernel leaves(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst {
        var n = 0;
        for i in 0..9 {
            for j in 0..9 {
                if j > x { break; }
                if j == 1 { continue; }
                n += 1;
            }
            n += 100;
        }
        dst[x, y] = n;
    }
}

kernel mapped(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst {
        dst[x, y] = i32(src[x, y]);
        dst[x, y] = dst[x, y] + x * 10 + y * 100;
    }
}

/// The number of each visit, counted along the way: 1, 2, 3 …
kernel raster(in src: image<u8>, out dst: image<i32, 2>(src.width, src.height)) {
    var n: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        let me = n[x, y] + 1;
        n.drop[x + d, y] += me;
        dst[x, y] = [me, d];
    }
}

kernel serpentine(in src: image<u8>, out dst: image<i32, 2>(src.width, src.height),
                  param turn: bool = true) {
    var n: rows<i32, 2>(src.width);
    scan (x, y, d) in src by serpentine(turn) {
        let me = n[x, y] + 1;
        n.drop[x + d, y] += me;
        dst[x, y] = [me, d];
    }
}

kernel columns(in src: image<u8>, out dst: image<i32, 2>(src.width, src.height)) {
    var n: rows<i32, 2>(src.height);
    scan (x, y, d) in src by columns {
        let me = n[x, y] + 1;
        n.drop[x, y + d] += me;
        dst[x, y] = [me, d];
    }
}

kernel reverse(in src: image<u8>, out dst: image<i32, 2>(src.width, src.height)) {
    var n: rows<i32, 2>(src.width);
    scan (x, y, d) in src by reverse {
        let me = n[x, y] + 1;
        n.drop[x + d, y] += me;
        dst[x, y] = [me, d];
    }
}

/// A window of two lines forgets what is older, and every scan starts anew.
kernel windows(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var n: rows<i32, 2>(src.width);
    scan (x, y) in src {
        dst[x, y] = n[x, y];
        n[x, y + 1] += 1 + y;
    }
    scan (x, y) in src {
        dst[x, y] = dst[x, y] * 100 + n[x, y];
        if x == 1 { n.drop[x + 1, y] += 7; n.drop[x - 1, y + 1] -= 2; }
    }
}

kernel order_of_additions(in src: image<f32>, out dst: image<f32>(3, 1)) {
    var n: rows<f32, 1>(3);
    scan (x, y) in dst {
        dst[x, y] = n[x, y];
        n.drop[x + 1, y] += 1e8;
        n.drop[x + 1, y] += 1.0;
        n.drop[x + 1, y] -= 1e8;
        n.drop[x + 2, y] += -0.0;
    }
}

kernel gone_by(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    scan (x, y) in src {
        dst[x, y] = i32(src[x, y]);
        dst[x, y] = dst[x, y] + dst.zero[x - 1, y] + dst.or(1000)[x + 1, y - 1];
    }
}

kernel reductions(in src: image<u8>, out dst: image<i32>(8, 1)) {
    let v = [3, 9, 1, 9, 1];
    let low = argmin(v[i] for i in 0..5);
    let high = argmax(v[i] for i in 0..5);
    let place = argmax(src[x, y] for (x, y) in src);
    let corner = argmin(i * 10 - j for i in 2..4 for j in 0..3);
    let all = [sum(v[i] for i in 0..5), min(v[i] for i in 0..5), max(v[i] for i in 1..3),
               low.at * 10 + low.value, high.at, place.x * 10 + place.y,
               corner.x * 10 + corner.y, count(v[i] == 9 for i in 0..5)];
    map (x, y) in dst { dst[x, y] = all[x]; }
}

kernel float_sum(in src: image<f32>, out dst: image<f32>(2, 1)) {
    let line = sum(src[x, 0] for x in 0..src.width);
    let none = sum(src[x, 0] for x in 0..0);
    map (x, y) in dst { dst[x, y] = if x == 0 { line } else { none }; }
}

/// The shape of a sum of 40 elements, written out.
kernel float_sum_by_hand(in src: image<f32>, out dst: image<f32>(2, 1)) {
    var lanes = [src[0, 0]; 16];
    for k in 0..16 { lanes[k] = src.clamp[k, 0]; }
    for k in 16..40 { lanes[k % 16] += src.clamp[k, 0]; }
    for k in 0..8 { lanes[k] += lanes[k + 8]; }
    for k in 0..4 { lanes[k] += lanes[k + 4]; }
    for k in 0..2 { lanes[k] += lanes[k + 2]; }
    let total = lanes[0] + lanes[1];
    map (x, y) in dst { dst[x, y] = if x == 0 { total } else { 0.0 }; }
}

kernel short_sum(in src: image<f32>, out dst: image<f32>(1, 1)) {
    var total = src[0, 0];
    for k in 1..16 { total += src.clamp[k, 0]; }
    map (x, y) in dst { dst[x, y] = total - sum(src.clamp[k, 0] for k in 0..16); }
}

kernel first_number(in src: image<f32>, out dst: image<i32>(1, 1)) {
    let best = argmin(src[x, 0] for x in 0..src.width);
    map (x, y) in dst { dst[x, y] = best.at; }
}

kernel nothing(in src: image<u8>, out dst: image<i32>(1, 1), param n: i32 in 0..=3 = 0) {
    let m = max(i for i in 0..n);
    map (x, y) in dst { dst[x, y] = m; }
}

test "L1 for counts up, includes or excludes its end, in steps" {
    let out = loops(fill(0, 1, 1)).dst;
    assert_eq(out[0, 0], 1234);
    assert_eq(out[1, 0], 135);
    assert_eq(out[2, 0], 147);
}

test "L2 bounds are evaluated once, and a range may be empty" {
    assert_eq(loops(fill(0, 1, 1)).dst[3, 0], 4);
    assert_eq(loops(fill(0, 1, 1), a: 5).dst[3, 0], 0);
    assert_eq(loops(fill(0, 1, 1), a: 9, b: 0).dst[3, 0], 0);
}

test "L4 break and continue belong to the innermost for" {
    let out = leaves(fill(0, 4, 1)).dst;
    assert_eq(out[0, 0], 909);
    assert_eq(out[1, 0], 909);
    assert_eq(out[3, 0], 927);
}

test "L5 a map visits every pixel and may read back its own" {
    let out = mapped(ramp(3, 2)).dst;
    assert_eq(out[2, 1], 255 + 120);
    assert_eq(out[0, 0], 0);
}

test "L6 L9 raster" {
    let out = raster(fill(0, 3, 2)).dst;
    assert_eq(out[2, 1], [3, 1]);
    assert_eq(out[0, 1], [1, 1]);
}

test "L7 L9 serpentine" {
    let src: image<u8> = fill(0, 3, 3);
    let out = serpentine(src).dst;
    assert_eq(out[2, 0], [3, 1]);
    assert_eq(out[0, 1], [3, -1]);
    assert_eq(out[2, 2], [3, 1]);
    assert_eq(serpentine(src, turn: false).dst, raster(src).dst);
}

test "L8 L9 columns and reverse" {
    let src: image<u8> = fill(0, 3, 2);
    assert_eq(columns(src).dst[0, 1], [2, 1]);
    assert_eq(columns(src).dst[2, 0], [1, 1]);
    assert_eq(reverse(src).dst[0, 0], [3, -1]);
    assert_eq(reverse(src).dst[2, 1], [1, -1]);
}

test "L11 L14 windows of lines" {
    let out = windows(fill(0, 3, 3)).dst;
    assert_eq(out[0, 0], 0);
    assert_eq(out[0, 1], 98);
    assert_eq(out[1, 2], 200);
    assert_eq(out[2, 2], 207);
}

test "L13 additions keep their order, from +0 on" {
    let out = order_of_additions(fill(0.0, 1, 1)).dst;
    assert_eq(bits_u32(out[0, 0]), 0);
    assert_eq(out[1, 0], 0.0);
    assert_eq(bits_u32(out[2, 0]), 0);
}

test "L15 images gone by" {
    let out = gone_by(fill(1, 3, 2)).dst;
    assert_eq(out[0, 0], 1001);
    assert_eq(out[2, 0], 3003);
    assert_eq(out[0, 1], 2003);
}

test "L18 L20 L22 reductions" {
    let out = reductions(ramp(5, 3)).dst;
    assert_eq(out[0, 0], 23);
    assert_eq(out[1, 0], 1);
    assert_eq(out[2, 0], 9);
    assert_eq(out[3, 0], 21);
    assert_eq(out[4, 0], 1);
    assert_eq(out[5, 0], 40);
    assert_eq(out[6, 0], 22);
    assert_eq(out[7, 0], 2);
}

test "L19 the float sum has one shape" {
    let src: image<f32> = noise(11, 40, 1);
    assert_eq(float_sum(src).dst, float_sum_by_hand(src).dst);
    let few: image<f32> = noise(12, 16, 1);
    assert_eq(short_sum(few).dst[0, 0], 0.0);
    assert_eq(bits_u32(float_sum(fill(-0.0, 1, 1)).dst[1, 0]), 0);
}

test "L20 NaN is chosen only where there is nothing else" {
    assert_eq(first_number(fill(nan, 4, 1)).dst[0, 0], 0);
}

test "L21 the least of nothing traps" {
    assert_traps(nothing(fill(0, 1, 1)));
    assert_eq(nothing(fill(0, 1, 1), n: 3).dst[0, 0], 2);
}
