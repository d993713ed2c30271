//! Scans that become wavefronts, one for each thing that their lowering has to get right.
use std.image { clamp };

/// Floyd and Steinberg with weights in sixteenths; narrow lanes.
kernel diffuse(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        let want = i32(src[x, y]) + div_floor(err[x, y] + 8, 16);
        let got = if want >= 128 { 255 } else { 0 };
        let e = want - got;
        dst[x, y] = u8(got);
        err.drop[x + d, y] += e * 7;
        err.drop[x - d, y + 1] += e * 3;
        err[x, y + 1] += e * 5;
        err.drop[x + d, y + 1] += e;
    }
}

/// Three lines and five columns of neighbours, divided by 48: every line stays three behind.
kernel far(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 3>(src.width);
    scan (x, y, d) in src {
        let want = i32(src[x, y]) + div_floor(err[x, y] + 24, 48);
        let got = if want >= 128 { 255 } else { 0 };
        let e = want - got;
        dst[x, y] = u8(got);
        err.drop[x + d, y] += e * 7;
        err.drop[x + 2 * d, y] += e * 5;
        err.drop[x - 2 * d, y + 1] += e * 3;
        err.drop[x - d, y + 1] += e * 5;
        err[x, y + 1] += e * 7;
        err.drop[x + d, y + 1] += e * 5;
        err.drop[x + 2 * d, y + 1] += e * 3;
        err.drop[x - 2 * d, y + 2] += e;
        err.drop[x - d, y + 2] += e * 3;
        err[x, y + 2] += e * 5;
        err.drop[x + d, y + 2] += e * 3;
        err.drop[x + 2 * d, y + 2] += e;
    }
}

/// What is carried may grow without bounds, and wraps: lanes stay wide.
kernel wild(in src: image<i16>, out dst: image<i32>(src.width, src.height)) {
    var sums: rows<i32, 3>(src.width);
    scan (x, y, d) in src {
        let v = i32(src[x, y]) + sums[x, y];
        dst[x, y] = v;
        sums.drop[x + d, y] += v * 3;
        sums.drop[x - 2 * d, y + 1] -= v;
        sums[x, y + 2] += v * 2;
        sums.drop[x + d, y + 2] += v - 5;
    }
}

/// Floats, dropped taps, conditions.
kernel floats(in src: image<f32>, out dst: image<f32>(src.width, src.height), param share: f32 = 0.3) {
    var err: rows<f32, 2>(src.width);
    scan (x, y, d) in src {
        let v = src[x, y] + err[x, y];
        dst[x, y] = if v > 0.5 { v - 1.0 } else { sqrt(abs(v)) };
        err.drop[x + d, y] += v * share;
        err.drop[x - d, y + 1] += v * 0.1875;
        if v > 0.25 { err.drop[x + d, y + 1] += v; } else { err[x, y + 1] -= v * 0.3; }
    }
}

/// Doubles in sixteen lanes of eight bytes; what lies straight above only.
kernel doubles(in src: image<f64>, out dst: image<f64>(src.width, src.height)) {
    var sums: rows<f64, 2>(src.width);
    scan (x, y, d) in src {
        let v = src[x, y] / 3.0 + sums[x, y] * 0.5;
        dst[x, y] = v;
        sums[x, y + 1] += v;
    }
}

/// Three channels travel together.
kernel colours(in src: image<u8, 3>, out dst: image<u8, 3>(src.width, src.height)) {
    var err: rows<[i32; 3], 2>(src.width);
    scan (x, y, d) in src {
        let want = [i32(src[x, y][c]) + div_floor(err[x, y][c], 16) for c in 0..3];
        let got = [if want[c] >= 100 { 255 } else { 0 } for c in 0..3];
        let e = want - got;
        dst[x, y] = [u8(got[c]) for c in 0..3];
        err.drop[x + d, y] += e * 7;
        err.drop[x - d, y + 1] += e * 3;
        err[x, y + 1] += e * 5;
        err.drop[x + d, y + 1] += e;
    }
}

/// From the last pixel to the first.
kernel backwards(in src: image<u16>, out dst: image<u16>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src by reverse {
        let want = i32(src[x, y]) + err[x, y] / 4;
        let got = clamp(want, 0, 65535);
        dst[x, y] = u16(got);
        err.drop[x + d, y] += want - got / 2;
        err.drop[x - d, y - 1] += want % 7;
    }
}

/// Two channels, backwards, through a border.
kernel pairs(in src: image<i8, 2>, out dst: image<i16, 2>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src by reverse {
        let here = i32(src[x, y][0]) + i32(src.mirror[x + 1, y - 1][1]);
        let v = here + err[x, y] / 3;
        dst[x, y] = [sat_i16(v), sat_i16(v * 1000)];
        err.drop[x + d, y] += v;
        err.drop[x - d, y - 1] += v;
    }
}

/// Other images beside the pixel, through every border; coordinates; a table.
kernel around(
    in src: image<u8>,
    out dst: image<i32>(src.width, src.height),
    param levels: [i32; 8] = [5, -3, 17, 100, -100, 0, 1, 33],
) {
    var sums: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        var v = i32(src.clamp[x - 2, y + 1]) - i32(src.wrap[x + 3, y - 1]);
        v += i32(src.reflect101[x + 1, y]) * 2 + i32(src.zero[x - 1, y - 1]);
        v += i32(src.or(77)[x + 1, y + 1]) + levels[i32(src[x, y]) % 8];
        v += (x * 3 + y * 5) % 11 + sums[x, y] / 2;
        dst[x, y] = v;
        sums.drop[x + d, y] += v;
        sums.drop[x - d, y + 1] -= v;
    }
}

/// Pixels that are written only sometimes, over what a map wrote; the own pixel read again.
kernel sometimes(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = u8(i32(src[x, y]) / 2); }
    var seen: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        let n = seen[x, y] + i32(src[x, y]) % 5;
        if n % 3 == 0 { dst[x, y] = u8(n % 256); }
        if dst[x, y] > 100 { dst[x, y] = u8(i32(dst[x, y]) / 3); }
        seen.drop[x + d, y] += n % 9;
        seen.drop[x - d, y + 1] += n % 4;
    }
}

/// Narrow lanes leave as other types: wider ones, floats, an index into a table.
kernel widened(
    in src: image<u8>,
    out a: image<i32>(src.width, src.height),
    out b: image<f32>(src.width, src.height),
    out c: image<u32>(src.width, src.height),
    out e: image<i16>(src.width, src.height),
    param levels: [i32; 8] = [5, -3, 17, 100, -100, 0, 1, 33],
) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        let want = i32(src[x, y]) + div_floor(err[x, y], 16);
        let got = if want >= 128 { 255 } else { 0 };
        let v = want - got;
        var index = v % 8;
        if index < 0 { index += 8; }
        a[x, y] = v * 3 + levels[clamp(index, 0, 7)];
        b[x, y] = f32(v) / 3.0;
        c[x, y] = u32(abs(v)) * u32(1000000);
        e[x, y] = sat_i16(v * 200);
        err.drop[x + d, y] += v * 7;
        err.drop[x - d, y + 1] += v * 3;
        err[x, y + 1] += v * 5;
        err.drop[x + d, y + 1] += v;
    }
}

/// An image read where it was written before: a filter that recurs.
kernel recursive(in src: image<f32>, out dst: image<f32>(src.width, src.height)) {
    scan (x, y) in src {
        dst[x, y] = src[x, y] * 0.5 + dst.zero[x - 1, y] * 0.25 + dst.zero[x, y - 1] * 0.25;
    }
}

/// Nothing is carried at all.
kernel plain(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    scan (x, y) in src { dst[x, y] = u8(255 - i32(src[x, y])); }
}

/// Two scans share what they carry into, one after the other.
kernel twice(in src: image<u8>, out dst: image<u8>(src.width, src.height), out back: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        let v = (i32(src[x, y]) + err[x, y]) % 256;
        dst[x, y] = u8(abs(v));
        err.drop[x + d, y] += v / 2;
        err.drop[x + d, y + 1] += v / 3;
    }
    scan (x, y, d) in src by reverse {
        let v = (i32(src[x, y]) + err[x, y]) % 256;
        back[x, y] = u8(abs(v));
        err.drop[x + d, y] += v / 2;
        err.drop[x + d, y - 1] += v / 3;
    }
}

/// Stays scalar: lines turn around.
kernel serpentine(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src by serpentine(true) {
        let v = i32(src[x, y]) + err[x, y];
        dst[x, y] = u8(clamp(v, 0, 255));
        err.drop[x + d, y] += v / 2;
        err.drop[x, y + 1] += v / 4;
    }
}

/// It may trap, by a number too large for its type; then it is run again as scalar code.
kernel trapping(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        let v = i32(src[x, y]) / 2 + err[x, y];
        dst[x, y] = u8(v);
        err.drop[x + d, y] += v / 2;
        err[x, y + 1] += v / 4;
    }
}

/// It may trap in an arm, or by a divisor that is 0.
kernel dividing(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        let v = i32(src[x, y]);
        var n = 1000 / (v - 200) + err[x, y] / 3;
        if v > 100 { n += 77 % (v - 250); }
        dst[x, y] = n;
        err.drop[x + d, y] += n / 2;
        err.drop[x - d, y + 1] += n / 3;
    }
}

/// It may trap by a pixel outside of its image.
kernel outside(in src: image<u8>, in other: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        let v = i32(src[x, y]) + err[x, y] / 4 + i32(other[x + 1, y]);
        dst[x, y] = v;
        err.drop[x + d, y] += v;
    }
}

/// Stays scalar: an array's index is not proved.
kernel indexed(in src: image<u8>, out dst: image<i32>(src.width, src.height), param levels: [i32; 8] = [5, -3, 17, 100, -100, 0, 1, 33]) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        let v = levels[i32(src[x, y]) / 32] + levels[err[x, y] % 9];
        dst[x, y] = v;
        err.drop[x + d, y] += abs(v) % 8;
    }
}

/// Stays scalar: it may trap, and could not be run again.
kernel once(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = src[x, y]; }
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        dst[x, y] = u8(i32(dst[x, y]) / 2 + err[x, y]);
        err.drop[x + d, y] += i32(src[x, y]);
    }
}

/// The place of the best of four numbers, of which some are none.
kernel nearest(in src: image<f64>, out dst: image<f64>(src.width, src.height)) {
    var err: rows<f64, 2>(src.width);
    scan (x, y, d) in src {
        let v = src[x, y] + err[x, y];
        let best = argmin(abs(v - f64(r) / 4) / (v - 0.5) * (0.5 - v) / f64(i32(v * 8) - r) for r in 0..4);
        dst[x, y] = best.value + f64(best.at) * 1000;
        err.drop[x + d, y] += (v - f64(best.at) / 4) / 2;
        err.drop[x - d, y + 1] += (v - f64(best.at) / 4) / 3;
    }
}

/// Whole numbers of 64 bits that are known to fit 32.
kernel shortened(in src: image<i64>, out dst: image<i32>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src {
        let v = i32(min(max(src[x, y], -2147483648), 2147483647));
        let n = max(v | 4, -50) + (err[x, y] & 255);
        dst[x, y] = n;
        err.drop[x + d, y] += n / 4;
        err.drop[x, y + 1] += n / 5;
    }
}

/// Floyd and Steinberg down columns: each is two places behind the one before.
kernel falling(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.height);
    scan (x, y, d) in src by columns {
        let want = i32(src[x, y]) + div_floor(err[x, y] + 8, 16);
        let got = if want >= 128 { 255 } else { 0 };
        let e = want - got;
        dst[x, y] = u8(got);
        err.drop[x, y + d] += e * 7;
        err.drop[x + 1, y - d] += e * 3;
        err[x + 1, y] += e * 5;
        err.drop[x + 1, y + d] += e;
    }
}

/// A filter that recurs downwards alone: columns have nothing to do with each other.
kernel smoothed(in src: image<f32, 3>, out dst: image<f32, 3>(src.width, src.height)) {
    scan (x, y) in src by columns {
        dst[x, y] = [
            src[x, y][0] * 0.5 + dst.zero[x, y - 1][0] * 0.5,
            src[x, y][1] * 0.7 + dst.zero[x, y - 2][1] * 0.3,
            src.clamp[x + 1, y][2] * 0.9 - dst.zero[x, y - 1][2] * 0.1,
        ];
    }
}

/// Three columns of neighbours, two channels, another image through a border.
kernel steep(
    in src: image<i16, 2>,
    in other: image<i16>,
    out dst: image<i32, 2>(src.width, src.height),
) {
    var err: rows<i32, 3>(src.height);
    scan (x, y, d) in src by columns {
        var v = i32(src[x, y][0]) + err[x, y] / 5 + x * 3 - y;
        v += i32(other.wrap[x - 1, y + 2]);
        dst[x, y] = [v, i32(src[x, y][1]) - v];
        err.drop[x, y + 2 * d] += v % 1000;
        err.drop[x + 1, y - 2 * d] += v % 77;
        err[x + 2, y] -= v % 5;
    }
}

/// Other images through every border, down columns that lie side by side.
kernel beside(
    in src: image<u8>,
    in other: image<i16>,
    out dst: image<i32>(src.width, src.height),
) {
    var sums: rows<i32, 2>(src.height);
    scan (x, y, d) in src by columns {
        var v = i32(other.wrap[x - 1, y + 2]) - i32(other.mirror[x + 17, y - 3]);
        v += i32(other.zero[x, y - 1]) * 2 + i32(other.clamp[x - 20, y]);
        v += i32(src.or(77)[x + 1, y + 1]) + sums[x, y] / 2;
        dst[x, y] = v;
        sums.drop[x, y + d] += v;
        sums.drop[x + 1, y - d] -= v % 9;
    }
}

/// Pixels that are written only sometimes, down columns.
kernel seldom(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = u8(i32(src[x, y]) / 2); }
    var seen: rows<i32, 2>(src.height);
    scan (x, y, d) in src by columns {
        let n = seen[x, y] + i32(src[x, y]) % 5;
        if n % 3 == 0 { dst[x, y] = u8(n % 256); }
        if dst[x, y] > 100 { dst[x, y] = u8(i32(dst[x, y]) / 3); }
        seen.drop[x, y + d] += n % 9;
        seen.drop[x + 1, y] += n % 4;
    }
}

/// Stays scalar: columns would be far apart.
kernel steeper(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var err: rows<i32, 2>(src.height);
    scan (x, y, d) in src by columns {
        dst[x, y] = i32(src[x, y]) + err[x, y] / 2;
        err.drop[x + 1, y - 3 * d] += dst[x, y];
    }
}
