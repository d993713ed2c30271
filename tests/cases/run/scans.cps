//! Scans and rows: taps in both orders, conditions, several rows, floats, dropped taps.

/// The same diffusion, written by hand as an array of pending errors per line.
kernel by_rows(
    in src: image<u8>,
    out dst: image<i32>(src.width, src.height),
    param serpentine: bool = false,
) {
    var err: rows<i32, 3>(src.width);
    scan (x, y, d) in src by serpentine(serpentine) {
        let v = i32(src[x, y]) + err[x, y] / 7;
        dst[x, y] = v;
        err.drop[x + d, y] += v * 3;
        err.drop[x + 2 * d, y] -= v;
        err.drop[x - 2 * d, y + 1] += v * 2;
        err[x, y + 2] += v;
        err.drop[x + d, y + 2] += v - 5;
    }
}

/// What `by_rows` should give in raster order, from pixels before, one at a time.
kernel checked_raster(in src: image<u8>, in got: image<i32>(src.width, src.height), out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst {
        let pending = got.zero[x - 1, y] * 3 - got.zero[x - 2, y] + got.zero[x + 2, y - 1] * 2
            + got.zero[x, y - 2] + (if x >= 1 && y >= 2 { got.zero[x - 1, y - 2] - 5 } else { 0 });
        dst[x, y] = i32(src[x, y]) + pending / 7;
    }
}

/// The same for the serpentine.
kernel checked_serpentine(in src: image<u8>, in got: image<i32>(src.width, src.height), out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst {
        let d = if y % 2 == 0 { 1 } else { -1 };
        let ago = x - d;
        let pending = got.zero[x - d, y] * 3 - got.zero[x - 2 * d, y]
            + got.zero[x - 2 * d, y - 1] * 2
            + got.zero[x, y - 2] + (if ago >= 0 && ago < src.width && y >= 2 { got.zero[ago, y - 2] - 5 } else { 0 });
        dst[x, y] = i32(src[x, y]) + pending / 7;
    }
}

test "taps arrive where they were sent" {
    let src: image<u8> = noise(3, 11, 9);
    let raster = by_rows(src).dst;
    assert_eq(checked_raster(src, raster).dst, raster);
    let turned = by_rows(src, serpentine: true).dst;
    assert_eq(checked_serpentine(src, turned).dst, turned);
}

test "narrow and flat images" {
    let column: image<u8> = noise(4, 1, 7);
    assert_eq(checked_raster(column, by_rows(column).dst).dst, by_rows(column).dst);
    assert_eq(checked_serpentine(column, by_rows(column, serpentine: true).dst).dst, by_rows(column, serpentine: true).dst);
    let line: image<u8> = noise(5, 7, 1);
    assert_eq(by_rows(line).dst, by_rows(line, serpentine: true).dst);
    let dot: image<u8> = fill(200, 1, 1);
    assert_eq(by_rows(dot).dst, fill(200, 1, 1));
}

/// Additions that are only sometimes made, and to two rows at once.
kernel sometimes(
    in src: image<u8>,
    out dst: image<i32>(src.width, src.height),
    out counts: image<i32>(src.width, src.height),
    param turned: bool = false,
) {
    var sums: rows<i32, 2>(src.width);
    var seen: rows<i32, 2>(src.width);
    scan (x, y, d) in src by serpentine(turned) {
        let v = i32(src[x, y]);
        dst[x, y] = sums[x, y];
        counts[x, y] = seen[x, y] + 0 * sums[x, y];
        if v > 100 {
            sums.drop[x + d, y] += v;
            seen.drop[x + d, y] += 1;
            if v > 200 {
                sums.drop[x + d, y + 1] += v * 2;
                seen.drop[x + d, y + 1] += 1;
            }
        } else {
            sums[x, y + 1] -= v;
            seen[x, y + 1] += 1;
        }
        for i in 0..3 { if (v >> i) % 2 == 1 { sums.drop[x - d, y + 1] += i + 1; seen.drop[x - d, y + 1] += 1; } }
    }
}

fn bits(v: i32) -> i32 { return v % 2 + (v >> 1) % 2 * 2 + (v >> 2) % 2 * 3; }
fn ones(v: i32) -> i32 { return v % 2 + (v >> 1) % 2 + (v >> 2) % 2; }

kernel sometimes_checked(
    in src: image<u8>,
    out dst: image<i32>(src.width, src.height),
    out counts: image<i32>(src.width, src.height),
    param turned: bool = false,
) {
    let s = src.zero;
    map (x, y) in dst {
        let d = if turned && y % 2 == 1 { -1 } else { 1 };
        let up = if turned { -d } else { d };
        let behind = i32(s[x - d, y]);
        let above = i32(src.or(255)[x, y - 1]);
        let wide = i32(s[x - up, y - 1]);
        let far = i32(s[x + up, y - 1]);
        var total = 0;
        var n = 0;
        if behind > 100 { total += behind; n += 1; }
        if wide > 200 { total += wide * 2; n += 1; }
        if above <= 100 { total -= above; n += 1; }
        total += bits(far);
        n += ones(far);
        dst[x, y] = total;
        counts[x, y] = n;
    }
}

test "additions under conditions and in loops" {
    let src: image<u8> = noise(6, 13, 8);
    let a = sometimes(src);
    let b = sometimes_checked(src);
    assert_eq(a.dst, b.dst);
    assert_eq(a.counts, b.counts);
    let c = sometimes(src, turned: true);
    let e = sometimes_checked(src, turned: true);
    assert_eq(c.dst, e.dst);
    assert_eq(c.counts, e.counts);
}

/// Floats are added in the order in which they were sent.
kernel floats(
    in src: image<f32>,
    out dst: image<f32>(src.width, src.height),
    param share: f32 = 0.3,
    param turned: bool = false,
) {
    var err: rows<f32, 2>(src.width);
    scan (x, y, d) in src by serpentine(turned) {
        let v = src[x, y] + err[x, y];
        dst[x, y] = v;
        err.drop[x + d, y] += v * share;
        err.drop[x - d, y + 1] += v * 0.1875;
        err[x, y + 1] -= v * 0.3;
        err.drop[x + d, y + 1] += v;
    }
}

kernel floats_checked(
    in src: image<f32>,
    in got: image<f32>(src.width, src.height),
    out dst: image<f32>(src.width, src.height),
    param share: f32 = 0.3,
    param turned: bool = false,
) {
    let g = got.zero;
    map (x, y) in dst {
        let d = if turned && y % 2 == 1 { -1 } else { 1 };
        let up = if turned { -d } else { d };
        var total = 0.0f32;
        total += g[x - up, y - 1];
        total -= g[x, y - 1] * 0.3;
        total += g[x + up, y - 1] * 0.1875;
        total += g[x - d, y] * share;
        dst[x, y] = src[x, y] + total;
    }
}

test "floats keep their order" {
    let src: image<f32> = noise(8, 17, 6);
    let a = floats(src).dst;
    assert_eq(floats_checked(src, a).dst, a);
    let b = floats(src, turned: true).dst;
    assert_eq(floats_checked(src, b, turned: true).dst, b);
}

/// A pixel of three numbers travels as one.
kernel colours(in src: image<f32, 3>, out dst: image<f32, 3>(src.width, src.height), param turned: bool = true) {
    var err: rows<[f32; 3], 2>(src.width);
    scan (x, y, d) in src by serpentine(turned) {
        let want = src[x, y] + err[x, y];
        let got = [if want[c] >= 0.5 { 1.0f32 } else { 0.0f32 } for c in 0..3];
        let e = (want - got) * 0.0625;
        dst[x, y] = got;
        err.drop[x + d, y] += e * 7.0;
        err.drop[x - d, y + 1] += e * 3.0;
        err[x, y + 1] += e * 5.0;
        err.drop[x + d, y + 1] += e;
    }
}

kernel one_colour(in src: image<f32, 3>, out dst: image<f32>(src.width, src.height), param channel: i32 in 0..=2 = 0, param turned: bool = true) {
    var err: rows<f32, 2>(src.width);
    scan (x, y, d) in src by serpentine(turned) {
        let want = src[x, y][channel] + err[x, y];
        let got = if want >= 0.5 { 1.0f32 } else { 0.0f32 };
        let e = (want - got) * 0.0625;
        dst[x, y] = got;
        err.drop[x + d, y] += e * 7.0;
        err.drop[x - d, y + 1] += e * 3.0;
        err[x, y + 1] += e * 5.0;
        err.drop[x + d, y + 1] += e;
    }
}

test "channels do not mix" {
    let src: image<f32, 3> = noise(9, 12, 10);
    let all = colours(src).dst;
    let red = one_colour(src, channel: 0).dst;
    assert_eq(count(all[x, y][0] != red[x, y] for (x, y) in red), 0);
    let blue = one_colour(src, channel: 2).dst;
    assert_eq(count(all[x, y][2] != blue[x, y] for (x, y) in blue), 0);
    let raster = colours(src, turned: false).dst;
    let green = one_colour(src, channel: 1, turned: false).dst;
    assert_eq(count(raster[x, y][1] != green[x, y] for (x, y) in green), 0);
}
