//! Arrays: literals, comprehensions, element-wise arithmetic, nesting, value semantics.

fn reversed<const N: i32>(v: [i32; N]) -> [i32; N] {
    var r = v;
    for i in 0..N { r[i] = v[N - 1 - i]; }
    return r;
}

fn same<const N: i32>(v: [i32; N]) -> [i32; N] { return v; }

fn first_two(v: [i32; 5]) -> [i32; 2] { return [v[0], v[1]]; }

kernel arrays(in src: image<i32>, out dst: image<i32>(32, 1)) {
    let a = [1, 2, 3, 4, 5];
    let b = [i * i for i in 0..5];
    let c = a + b * 2 - [1; 5];
    for i in 0..5 { dst[i, 0] = c[i]; }

    var v = reversed(a);
    let kept = v;
    v[0] = 99;
    dst[5, 0] = v[0];
    dst[6, 0] = kept[0];
    v = reversed(v);
    dst[7, 0] = v[4];
    v = [v[1], v[0], v[2], v[4], v[3]];
    dst[8, 0] = v[0] * 10000 + v[1] * 1000 + v[2] * 100 + v[4];
    let alias = same(v);
    v[0] = 0;
    dst[9, 0] = alias[0];
    let two = first_two(v);
    dst[10, 0] = two[0] + two[1];

    var grid = [[0; 3]; 4];
    for i in 0..4 { for j in 0..3 { grid[i][j] = i * 10 + j; } }
    grid[2] = [7, 8, 9];
    let line = grid[3];
    grid[3][1] = 5;
    dst[11, 0] = grid[1][2];
    dst[12, 0] = grid[2][0] + grid[2][1] + grid[2][2];
    dst[13, 0] = line[1] * 100 + grid[3][1];
    let swapped = [grid[3 - i] for i in 0..4];
    dst[14, 0] = swapped[0][0] * 100 + swapped[3][2];
    grid[0] = grid[1];
    dst[15, 0] = grid[0][1];

    let chosen = if src.width > 3 { a } else { reversed(a) };
    dst[16, 0] = chosen[0];
    let big = [i * 3 for i in 0..100];
    let more = big + big;
    dst[17, 0] = more[99];
    var copy = more;
    copy[99] = 1;
    dst[18, 0] = more[99] + copy[99];
    let neg = -a;
    dst[19, 0] = neg[4];
    let flags = [x % 2 == 0 for x in 0..4];
    dst[20, 0] = if flags[2] && !flags[1] { 1 } else { 0 };
    let at = src[0, 0];
    dst[21, 0] = big[at];
    dst[22, 0] = grid[at % 4][at % 3];
}

test "arrays are values" {
    let out = arrays(fill(17, 4, 1)).dst;
    assert_eq(out[0, 0], 0);
    assert_eq(out[1, 0], 3);
    assert_eq(out[2, 0], 10);
    assert_eq(out[3, 0], 21);
    assert_eq(out[4, 0], 36);
    assert_eq(out[5, 0], 99);
    assert_eq(out[6, 0], 5);
    assert_eq(out[7, 0], 99);
    assert_eq(out[8, 0], 21000 + 300 + 4);
    assert_eq(out[9, 0], 2);
    assert_eq(out[10, 0], 1);
    assert_eq(out[11, 0], 12);
    assert_eq(out[12, 0], 24);
    assert_eq(out[13, 0], 3105);
    assert_eq(out[14, 0], 3002);
    assert_eq(out[15, 0], 11);
    assert_eq(out[16, 0], 1);
    assert_eq(out[17, 0], 594);
    assert_eq(out[18, 0], 595);
    assert_eq(out[19, 0], -5);
    assert_eq(out[20, 0], 1);
    assert_eq(out[21, 0], 51);
    assert_eq(out[22, 0], 12);
    assert_eq(arrays(fill(0, 3, 1)).dst[16, 0], 5);
}

/// An index of the caller's choice, into nested arrays.
kernel pick(in src: image<i32>, out dst: image<i32>(1, 1), param i: i32 = 0, param j: i32 = 0) {
    var grid = [[1, 2, 3], [4, 5, 6]];
    grid[1][0] = src[0, 0];
    dst[0, 0] = grid[i][j];
}

test "every index keeps its own bounds" {
    let src: image<i32> = fill(40, 1, 1);
    assert_eq(pick(src, i: 1, j: 0).dst[0, 0], 40);
    assert_eq(pick(src, i: 0, j: 2).dst[0, 0], 3);
    assert_traps(pick(src, i: 0, j: 3));
    assert_traps(pick(src, i: 1, j: -1));
    assert_traps(pick(src, i: 2, j: 0));
    assert_traps(pick(src, i: -1, j: 2));
    assert_traps(pick(src, i: 1431655766, j: 0));
    assert_traps(pick(src, i: -2147483648, j: 0));
}

fn bubble<T: num>(given: [T; 7]) -> [T; 7] {
    var v = given;
    for i in 0..6 {
        for j in 0..6 - i {
            if v[j + 1] < v[j] {
                let held = v[j];
                v[j] = v[j + 1];
                v[j + 1] = held;
            }
        }
    }
    return v;
}

kernel sorted(in src: image<f32>, out dst: image<f32>(src.width, 1)) {
    require(src.width >= 7, "seven pixels at least");
    let v = bubble([src[i, 0] for i in 0..7]);
    for i in 0..7 { dst[i, 0] = v[i]; }
}

kernel falling(in src: image<u8>, out dst: image<f32>(8, 1)) {
    map (x, y) in dst { dst[x, y] = f32((x * 37 + i32(src[0, 0])) % 11); }
}

test "sorting by neighbours" {
    let given = falling(fill(3, 1, 1)).dst;
    let out = sorted(given).dst;
    assert_eq(count(out[i, 0] <= out[i + 1, 0] for i in 0..6), 6);
    assert_eq(sum(out[i, 0] for i in 0..7), sum(given[i, 0] for i in 0..7));
}
