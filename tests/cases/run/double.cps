//! Reductions over two ranges.

kernel sums(in src: image<f32>, out dst: image<f32>(4, 1)) {
    let whole = sum(src[x, y] for (x, y) in src);
    let ranges = sum(src[x, y] for y in 0..src.height for x in 0..src.width);
    let none = sum(src[x, y] for y in 0..0 for x in 0..src.width);
    let triangle = sum(src[x, y] for y in 0..src.height for x in 0..min(y, src.width));
    let all = [whole, ranges, none, triangle];
    map (x, y) in dst { dst[x, y] = all[x]; }
}

kernel places(in src: image<u8>, out dst: image<i32>(8, 1)) {
    let a = argmin(src[x, y] for (x, y) in src);
    let b = argmin(src[x, y] for y in 0..src.height for x in 0..src.width);
    let c = argmax(i32(src[x, y]) for y in 0..src.height for x in 0..src.width);
    let all = [a.x, a.y, b.x, b.y, c.x, c.y, c.value,
        count(src[x, y] > 9 for y in 0..src.height for x in 0..src.width)];
    map (x, y) in dst { dst[x, y] = all[x]; }
}

kernel emptiness(in src: image<u8>, out dst: image<i32>(1, 1), param n: i32 in 0..=4 = 0) {
    let least = min(i + j for i in 0..n for j in i..3);
    map (x, y) in dst { dst[x, y] = least; }
}

const TABLE: i32 = max(i * 7 % 5 + j for i in 0..5 for j in 0..3);
const AT: i32 = argmax(i * 7 % 5 + j for i in 0..5 for j in 0..3).y;

test "the sum has the shape of the sum over an image" {
    let src: image<f32> = noise(4, 37, 5);
    let out = sums(src).dst;
    assert_eq(out[0, 0], out[1, 0]);
    assert_eq(bits_u32(out[2, 0]), 0);
}

test "a sum of minus zeros" {
    let minus: image<f32> = fill(-0.0, 3, 3);
    let out = sums(minus).dst;
    assert_eq(bits_u32(out[0, 0]), bits_u32(out[1, 0]));
}

test "places" {
    let out = places(noise(9, 21, 13)).dst;
    assert_eq(out[0, 0], out[2, 0]);
    assert_eq(out[1, 0], out[3, 0]);
    let flat = places(fill(7, 4, 4)).dst;
    assert_eq(flat[4, 0], 0);
    assert_eq(flat[6, 0], 7);
    assert_eq(flat[7, 0], 0);
}

test "the least of nothing traps, of little not" {
    assert_traps(emptiness(fill(0, 1, 1)));
    assert_eq(emptiness(fill(0, 1, 1), n: 1).dst[0, 0], 0);
    assert_eq(emptiness(fill(0, 1, 1), n: 4).dst[0, 0], 0);
}

test "constants" {
    assert_eq(TABLE, 6);
    assert_eq(AT, 2);
}
