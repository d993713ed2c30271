//! Loops, conditions, arithmetic on locals.

/// Writes numbers made by loops into a row.
kernel numbers(in src: image<i32>, out dst: image<i32>(16, 1)) {
    var total = 0;
    for i in 0..10 { total += i; }
    dst[0, 0] = total;
    var odd = 0;
    for i in 1..=9 step 2 { odd += i * i; }
    dst[1, 0] = odd;
    var a = 0;
    var b = 1;
    for i in 0..src.width {
        let next = a + b;
        a = b;
        b = next;
    }
    dst[2, 0] = a;
    dst[3, 0] = b;
    var nested = 0;
    for i in 0..5 { for j in i..5 { if (i + j) % 2 == 0 { nested += 1; } else { nested += 100; } } }
    dst[4, 0] = nested;
    var empty = 7;
    for i in 3..3 { empty = 0; }
    for i in 5..src.height { empty = 1; }
    dst[5, 0] = empty;
    var swaps = 1;
    var other = 2;
    for i in 0..src.width { let held = swaps; swaps = other; other = held; }
    dst[6, 0] = swaps * 10 + other;
    var last = -1;
    for i in 0..20 step 7 { last = i; }
    dst[7, 0] = last;
}

test "loops count as written" {
    let out = numbers(fill(0, 9, 1)).dst;
    assert_eq(out[0, 0], 45);
    assert_eq(out[1, 0], 165);
    assert_eq(out[2, 0], 34);
    assert_eq(out[3, 0], 55);
    assert_eq(out[4, 0], 609);
    assert_eq(out[5, 0], 7);
    assert_eq(out[6, 0], 21);
    assert_eq(out[7, 0], 14);
}

test "a loop that may not run leaves what was" {
    assert_eq(numbers(fill(0, 1, 6)).dst[5, 0], 1);
    assert_eq(numbers(fill(0, 8, 6)).dst[6, 0], 12);
}

/// Collatz steps, at most 64, for every pixel's value.
kernel collatz(in src: image<i32>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst {
        var n = src[x, y];
        var steps = 0;
        for i in 0..64 {
            if n > 1 {
                n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
                steps += 1;
            }
        }
        dst[x, y] = steps;
    }
}

test "loops in a map, with conditions in them" {
    let src: image<i32> = ramp(1, 1);
    assert_eq(collatz(fill(6, 2, 2)).dst, fill(8, 2, 2));
    assert_eq(collatz(fill(9, 1, 3)).dst, fill(19, 1, 3));
    assert_eq(collatz(fill(1, 3, 1)).dst, fill(0, 3, 1));
    assert_eq(collatz(src).dst, fill(0, 1, 1));
}

/// Three ways around.
kernel choose(in src: image<i32>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst {
        let v = src[x, y];
        var kind = 0;
        if v < 0 { kind = 1; } else if v == 0 { kind = 2; } else { kind = 3; if v > 100 { kind = 4; } }
        let safe = v != 0 && 1000 / v > 5;
        let either = v == 0 || 1000 / v < 0;
        dst[x, y] = kind * 100 + (if safe { 10 } else { 0 }) + (if either { 1 } else { 0 });
    }
}

test "arms, and operators that stop early" {
    assert_eq(choose(fill(-5, 1, 1)).dst[0, 0], 101);
    assert_eq(choose(fill(0, 1, 1)).dst[0, 0], 201);
    assert_eq(choose(fill(7, 1, 1)).dst[0, 0], 310);
    assert_eq(choose(fill(101, 1, 1)).dst[0, 0], 410);
    assert_eq(choose(fill(500, 1, 1)).dst[0, 0], 400);
}
