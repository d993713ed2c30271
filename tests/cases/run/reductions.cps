//! Reductions: shape of float sums, extremes and their places, counts, nothing at all.

/// One long sum, and the same with its shape written out.
kernel long_sum(in src: image<f32>, out dst: image<f32>(4, 1)) {
    dst[0, 0] = sum(src[x, 0] for x in 0..src.width);
    var lanes = [0.0f32; 16];
    for k in 0..16 { lanes[k] = if k < src.width { src.clamp[k, 0] } else { -0.0f32 }; }
    for i in 16..src.width { lanes[i % 16] += src[i, 0]; }
    for i in 0..8 { lanes[i] += lanes[i + 8]; }
    for i in 0..4 { lanes[i] += lanes[i + 4]; }
    for i in 0..2 { lanes[i] += lanes[i + 2]; }
    dst[1, 0] = lanes[0] + lanes[1];
    var plain = 0.0f32;
    for i in 0..src.width { plain += src[i, 0]; }
    dst[2, 0] = plain;
    dst[3, 0] = sum(src[x, y] for (x, y) in src);
}

test "long sums have lanes" {
    let src: image<f32> = noise(11, 100, 1);
    let out = long_sum(src).dst;
    assert_eq(out[0, 0], out[1, 0]);
    assert_eq(out[3, 0], out[0, 0]);
    assert_close(out[0, 0], out[2, 0], 0.001);
}

test "short sums go left to right" {
    let src: image<f32> = noise(12, 16, 1);
    let out = long_sum(src).dst;
    assert_eq(out[0, 0], out[2, 0]);
    let nine: image<f32> = noise(13, 9, 1);
    assert_eq(long_sum(nine).dst[0, 0], long_sum(nine).dst[2, 0]);
}

kernel extremes(in src: image<i32>, out dst: image<i32>(16, 1)) {
    dst[0, 0] = min(src[x, y] for (x, y) in src);
    dst[1, 0] = max(src[x, y] for (x, y) in src);
    let low = argmin(src[x, y] for (x, y) in src);
    dst[2, 0] = low.x;
    dst[3, 0] = low.y;
    dst[4, 0] = low.value;
    let high = argmax(src[i, 0] for i in 0..src.width);
    dst[5, 0] = high.at;
    dst[6, 0] = high.value;
    dst[7, 0] = count(src[x, y] > 3 for (x, y) in src);
    dst[8, 0] = sum(i * i for i in 0..5);
    dst[9, 0] = sum(i for i in 5..5);
    dst[10, 0] = count(i % 3 == 0 for i in 0..src.width);
    dst[11, 0] = sum(sum(i * j for j in 0..i) for i in 0..6);
    dst[12, 0] = sum(2000000000 for i in 0..3);
}

kernel wave(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = (x * 5 + y * 3) % 7; }
}

test "extremes and where they are" {
    let src = wave(fill(0, 6, 4)).dst;
    let out = extremes(src).dst;
    assert_eq([out[i, 0] for i in 0..13], [0, 6, 0, 0, 0, 4, 6, 10, 30, 0, 2, 85, 1705032704]);
    assert_eq(src[4, 0], 6);
}

kernel of_nothing(in src: image<i32>, out dst: image<i32>(1, 1), param n: i32 in 0..=8 = 0) {
    dst[0, 0] = max(src.clamp[i, 0] for i in 0..n);
}

test "the greatest of nothing" {
    assert_traps(of_nothing(fill(1, 2, 2)));
    assert_eq(of_nothing(fill(1, 2, 2), n: 1).dst[0, 0], 1);
}

kernel not_numbers(in src: image<f64>, out dst: image<f64>(4, 1), out at: image<i32>(4, 1)) {
    let low = argmin((if i == 1 { src[0, 0] } else { nan }) for i in 0..3);
    at[0, 0] = low.at;
    dst[0, 0] = low.value;
    let none = argmax(nan + f64(i) for i in 0..3);
    at[1, 0] = none.at;
    dst[1, 0] = min(f64(i) / src[0, 0] for i in 1..4);
    let tie = argmin(f64(i / 2) * src[0, 0] for i in 0..4);
    at[2, 0] = tie.at;
}

test "not a number never wins" {
    let out = not_numbers(fill(2.0, 1, 1));
    assert_eq(out.at[0, 0], 1);
    assert_eq(out.dst[0, 0], 2.0);
    assert_eq(out.at[1, 0], 0);
    assert_eq(out.dst[1, 0], 0.5);
    assert_eq(out.at[2, 0], 0);
}

/// Reductions inside of a map, over a window.
kernel window(in src: image<u8>, out dst: image<u8>(src.width, src.height), out where: image<i32>(src.width, src.height)) {
    map (x, y) in src {
        dst[x, y] = max(src.clamp[x + i % 3 - 1, y + i / 3 - 1] for i in 0..9);
        let first = argmax(src.clamp[x + i - 1, y] for i in 0..3);
        where[x, y] = first.at;
    }
}

test "windows" {
    let src: image<u8> = ramp(9, 3);
    let out = window(src);
    assert_eq(count(out.dst[x, y] != src.clamp[x + 1, y] for (x, y) in src), 0);
    assert_eq(out.where[4, 1], 2);
    assert_eq(out.where[8, 1], 1);
}
