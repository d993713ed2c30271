//! `break` and `continue`: of the innermost `for`, from inside of conditions, in pixel loops too.

fn divisors(n: i32) -> i32 {
    var found = 0;
    for i in 1..=60 {
        if i > n { break; }
        if n % i != 0 { continue; }
        found += 1;
    }
    return found;
}

fn first_pair(limit: i32) -> i32 {
    var result = -1;
    for a in 1..30 {
        for b in 1..30 {
            if b > a {
                break;
            } else {
                if a * a + b * b < limit { continue; }
            }
            if result < 0 { result = 100 * a + b; }
            break;
        }
        if result >= 0 { break; }
    }
    return result;
}

fn nothing_after() -> i32 {
    var n = 0;
    for i in 0..10 {
        n += 1;
        if i == 4 { n += 100; break; }
        n += 10;
    }
    return n;
}

/// How far to the right the level stays below 100, at most 8 pixels.
kernel run_length(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst {
        var n = 0;
        for i in 1..=8 {
            if src.zero[x + i, y] >= 100 { break; }
            if x + i >= src.width { break; }
            n = i;
        }
        dst[x, y] = n;
    }
}

kernel counted(in src: image<u8>, out dst: image<i32>(60, 1)) {
    map (x, y) in dst { dst[x, y] = divisors(x + 1); }
}

/// A trip that is left does not trap.
kernel guarded(in src: image<u8>, out dst: image<i32>(1, 1)) {
    var total = 0;
    for i in 0..src.width {
        if src[i, 0] == 0 { continue; }
        total += 1000 / i32(src[i, 0]);
        if total > 100 { break; }
        require(total < 200, "left too late");
    }
    map (x, y) in dst { dst[x, y] = total; }
}

const TWELVE: i32 = divisors(12);

test "functions" {
    assert_eq(TWELVE, 6);
    assert_eq(divisors(1), 1);
    assert_eq(divisors(36), 9);
    assert_eq(divisors(59), 2);
    assert_eq(first_pair(50), 505);
    assert_eq(first_pair(100000), -1);
    assert_eq(nothing_after(), 145);
}

test "in pixel loops" {
    let out = run_length(ramp(16, 2)).dst;
    assert_eq(out[0, 0], 5);
    assert_eq(out[5, 1], 0);
    assert_eq(run_length(fill(0, 16, 1)).dst[2, 0], 8);
    assert_eq(run_length(fill(0, 16, 1)).dst[12, 0], 3);
    let counts = counted(fill(0, 1, 1)).dst;
    assert_eq(counts[59, 0], 12);
}

test "what is skipped does not happen" {
    assert_eq(guarded(fill(0, 9, 1)).dst[0, 0], 0);
    assert_eq(guarded(fill(30, 9, 1)).dst[0, 0], 132);
    assert_eq(guarded(fill(1, 9, 1)).dst[0, 0], 1000);
}
