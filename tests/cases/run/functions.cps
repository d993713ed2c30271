//! Functions: generics, images in and out, images of their own, calls in calls.

fn sq<T: num>(v: T) -> T { return v * v; }

fn power<const N: i32>(v: i32, unused: [i32; N]) -> i32 {
    var r = 1;
    for i in 0..N { r *= v; }
    return r;
}

fn shift(src: image<i32>, by: i32, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = src.clamp[x - by, y]; }
}

fn twice(src: image<i32>, by: i32, out dst: image<i32>(src.width, src.height)) {
    var between: image<i32>(src.width, src.height);
    shift(src, by, between);
    shift(between, by, dst);
}

fn brightest(src: image<i32>) -> i32 { return max(src[x, y] for (x, y) in src); }

kernel apply(in src: image<i32>, out dst: image<i32>(src.width, src.height), param n: i32 in 0..=5 = 0) {
    var held: image<i32>(src.width, src.height);
    map (x, y) in held { held[x, y] = src[x, y]; }
    for i in 0..n {
        var next: image<i32>(src.width, src.height);
        twice(held, 1, next);
        map (x, y) in held { held[x, y] = next[x, y] + sq(i); }
    }
    let top = brightest(held);
    map (x, y) in dst { dst[x, y] = held[x, y] * 1000 + top; }
}

kernel count_up(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = x + 10 * y; }
}

test "images passed down and around" {
    let src = count_up(fill(0, 5, 2)).dst;
    assert_eq([apply(src).dst[i, 1] for i in 0..5], [10014, 11014, 12014, 13014, 14014]);
    assert_eq([apply(src, n: 1).dst[i, 0] for i in 0..5], [12, 12, 12, 1012, 2012]);
    assert_eq([apply(src, n: 3).dst[i, 0] for i in 0..5], [5015, 5015, 5015, 5015, 5015]);
}

kernel numbers(in src: image<f64>, out dst: image<f64>(4, 1)) {
    dst[0, 0] = sq(src[0, 0]);
    dst[1, 0] = f64(sq(i32(src[0, 0])));
    dst[2, 0] = f64(power(3, [0; 4]) + power(2, [1, 2, 3]));
    dst[3, 0] = sq(sq(sq(src[0, 0])));
}

test "one function for many types" {
    let out = numbers(fill(1.5, 1, 1)).dst;
    assert_eq([out[i, 0] for i in 0..4], [2.25, 1.0, 89.0, 25.62890625]);
}

/// An image that is declared in a loop starts at zero each time.
kernel fresh(in src: image<i32>, out dst: image<i32>(src.width, src.height), param n: i32 in 1..=4 = 3) {
    var total = 0;
    for i in 0..n {
        var sheet: image<i32>(src.width, src.height);
        total += sum(sheet[x, y] for (x, y) in sheet);
        sheet[0, 0] = 5 + i;
        total += sheet[0, 0] * 100;
    }
    dst[0, 0] = total;
}

test "images declared in loops" {
    assert_eq(fresh(fill(0, 3, 3)).dst[0, 0], 1800);
}

/// Sizes made of sizes and parameters.
kernel sizes(
    in src: image<u8>,
    in mask: image<u8>(src.width, src.height),
    out half: image<u8>((src.width + 1) / 2, max(1, src.height / 2)),
    out tall: image<u8>(n, src.height + n),
    param n: i32 in 1..=9 = 3,
) {
    map (x, y) in half { half[x, y] = src.clamp[2 * x, 2 * y]; }
    map (x, y) in tall { tall[x, y] = mask.wrap[x, y]; }
}

test "sizes" {
    let src: image<u8> = noise(1, 7, 5);
    let out = sizes(src, src);
    assert_eq(out.half.width * 100 + out.half.height, 402);
    assert_eq(out.tall.width * 100 + out.tall.height, 308);
    assert_eq(count(out.half[x, y] != src[2 * x, 2 * y] for (x, y) in out.half), 0);
}
