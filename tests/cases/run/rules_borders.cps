//! Rules B1 to B9 of docs/language.md, each by a test that names it; far outside and in tiny images.

/// Line 0 seen from -9 to 9, through every border.
kernel seen(in src: image<i32>, out dst: image<i32, 7>(19, 1)) {
    let named = src.clamp;
    map (x, y) in dst {
        let at = x - 9;
        dst[x, y] = [named[at, 0], src.mirror[at, 0], src.reflect101[at, 0], src.wrap[at, 0],
                     src.zero[at, 0], src.or(-7)[at, 0], src.clamp[at, y]];
    }
}

/// The same downwards.
kernel seen_down(in src: image<i32>, out dst: image<i32, 7>(19, 1)) {
    let named = src.clamp;
    map (x, y) in dst {
        let at = x - 9;
        dst[x, y] = [named[0, at], src.mirror[0, at], src.reflect101[0, at], src.wrap[0, at],
                     src.zero[0, at], src.or(-7)[0, at], src.clamp[y, at]];
    }
}

fn turn(a: image<i32>, out b: image<i32>(a.height, a.width)) {
    map (x, y) in b { b[x, y] = a.clamp[y, x]; }
}

kernel turned(in src: image<i32>, out dst: image<i32>(src.height, src.width)) {
    turn(src, dst);
}

kernel numbered(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = x + 1; }
}

kernel inside(in src: image<i32>, out dst: image<i32>(1, 1), param at: i32 = 0) {
    let v = src[at, 0];
    map (x, y) in dst { dst[x, y] = v; }
}

kernel dropped(in src: image<i32>, out dst: image<i32>(src.width, src.height)) {
    for i in -4..9 { dst.drop[i, i] = 5; }
}

test "B1 an access that is not proved is checked" {
    let three = numbered(fill(0, 3, 1)).dst;
    assert_eq(inside(three, at: 2).dst[0, 0], 3);
    assert_traps(inside(three, at: 3));
    assert_traps(inside(three, at: -1));
    assert_traps(inside(three, at: 2147483647));
}

test "B2 B9 clamp, by a name too" {
    let out = seen(numbered(fill(0, 3, 1)).dst).dst;
    assert_eq(out[0, 0][0], 1);
    assert_eq(out[8, 0][0], 1);
    assert_eq(out[10, 0][0], 2);
    assert_eq(out[18, 0][0], 3);
    assert_eq(out[18, 0][6], 3);
}

test "B3 mirror" {
    let out = seen(numbered(fill(0, 3, 1)).dst).dst;
    assert_eq([out[i, 0][1] for i in 5..15], [3, 3, 2, 1, 1, 2, 3, 3, 2, 1]);
}

test "B4 reflect101" {
    let out = seen(numbered(fill(0, 3, 1)).dst).dst;
    assert_eq([out[i, 0][2] for i in 5..15], [1, 2, 3, 2, 1, 2, 3, 2, 1, 2]);
    let one = seen(numbered(fill(0, 1, 1)).dst).dst;
    assert_eq([one[i, 0][2] for i in 0..19], [1; 19]);
}

test "B5 wrap" {
    let out = seen(numbered(fill(0, 3, 1)).dst).dst;
    assert_eq([out[i, 0][3] for i in 5..15], [3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

test "B6 zero and or" {
    let out = seen(numbered(fill(0, 3, 1)).dst).dst;
    assert_eq([out[i, 0][4] for i in 7..14], [0, 0, 1, 2, 3, 0, 0]);
    assert_eq([out[i, 0][5] for i in 7..14], [-7, -7, 1, 2, 3, -7, -7]);
}

test "B7 periods continue, in tiny images too" {
    let two = seen(numbered(fill(0, 2, 1)).dst).dst;
    assert_eq([two[i, 0][1] for i in 5..15], [1, 2, 2, 1, 1, 2, 2, 1, 1, 2]);
    assert_eq([two[i, 0][2] for i in 5..15], [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
    let one = seen(numbered(fill(0, 1, 1)).dst).dst;
    assert_eq([one[i, 0][1] for i in 0..19], [1; 19]);
    assert_eq([one[i, 0][3] for i in 0..19], [1; 19]);
    let line = numbered(fill(0, 5, 1)).dst;
    assert_eq(seen_down(turned(line).dst).dst, seen(line).dst);
}

test "B8 what would be written outside is dropped" {
    let out = dropped(numbered(fill(0, 3, 2)).dst).dst;
    assert_eq(out[0, 0] + out[1, 1], 10);
    assert_eq(out[2, 1] + out[1, 0], 0);
}
