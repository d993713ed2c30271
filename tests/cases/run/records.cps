//! Records: made, changed, chosen, passed, given by kernels and functions.

record Place {
    x: i32,
    y: i32,
    level: u8,
    share: f64,
    found: bool,
}

fn brighter(a: Place, b: Place) -> Place {
    return if b.level > a.level { b } else { a };
}

fn nothing() -> Place {
    return Place(x: -1, y: -1, level: 0, share: nan, found: false);
}

/// The brightest pixel, and how many are as bright.
kernel brightest(in src: image<u8>, param least: u32 in 0..=255 = 10) -> Place {
    let at = argmax(src[x, y] for (x, y) in src);
    var best = brighter(nothing(), Place(at.x, at.y, at.value, 0.0, true));
    let n = count(src[x, y] == at.value for (x, y) in src);
    best.share = f64(n) / (f64(src.width) * f64(src.height));
    if u32(best.level) < least {
        best = nothing();
    }
    best.x += 1;
    return best;
}

record Floats { a: f32, b: f32, c: f64 }

/// What floats look like in a record: one NaN, both zeros, rounded once.
kernel floats(in src: image<f32>) -> Floats {
    let v = src[0, 0];
    return Floats(a: v / v, b: -v, c: f64(v) / 3.0);
}

kernel both(in src: image<u8>, out dst: image<u8>(src.width, src.height)) -> Place {
    let found = brightest(src, least: 0);
    map (x, y) in dst { dst[x, y] = if src[x, y] == found.level { 255 } else { 0 }; }
    return Place(y: found.y, x: found.x, level: found.level, share: found.share, found: true);
}

test "the brightest pixel" {
    let src: image<u8> = ramp(5, 3);
    let r = brightest(src);
    assert_eq(r.x, 5);
    assert_eq(r.y, 0);
    assert_eq(r.level, 255);
    assert_close(r.share, 0.2, 0.0);
    assert_eq(r.found, true);
    let dark = brightest(fill(3, 4, 4));
    assert_eq(dark.x, 0);
    assert_eq(dark.share == dark.share, false);
    assert_eq(brightest(fill(3, 4, 4), least: 3).level, 3);
}

test "floats in records" {
    let zero: image<f32> = fill(0.0, 1, 1);
    let r = floats(zero);
    assert_eq(r.a == r.a, false);
    assert_eq(bits_u32(r.a), 0x7fc00000);
    assert_eq(bits_u32(r.b), 0x80000000);
}

test "images and a record" {
    let src: image<u8> = ramp(5, 3);
    let r = both(src);
    assert_eq(r.level, 255);
    assert_eq(r.dst[4, 2], 255);
    assert_eq(r.dst[3, 2], 0);
}

test "a record in a test can be changed" {
    var p = Place(1, 2, 3, 4.0, false);
    p.x = 10 + p.y;
    p.found = p.x == 12;
    assert_eq(p.found, true);
    assert_eq(brighter(p, Place(0, 0, 9, 0.0, false)).level, 9);
}
