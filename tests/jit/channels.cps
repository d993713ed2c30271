//! Maps of several channels, and tables in maps.
use std.color { srgb_to_linear, linear_to_srgb };

const MIXED: [u8; 256] = [wrap_u8(i * 77) for i in 0..256];
const LONG: [i64; 300] = [i64(i) * -5_000_000_017 for i in 0..300];
const HALVES: [f64; 3] = [0.5, 1.5, -2.5];

/// Elements of tables, one a pixel: of bytes, of longer tables, in arms, and what repeats.
kernel tables(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = MIXED[i32(src.clamp[x - 1, y])]; }
}

kernel long_tables(in src: image<u8>, out dst: image<i64>(src.width, src.height)) {
    map (x, y) in dst {
        let v = i32(src[x, y]);
        var found = LONG[v + 44];
        if v > 99 { found = LONG[v] ^ i64(MIXED[mod_floor(v - y, 256)]); }
        dst[x, y] = found;
    }
}

kernel short_tables(in src: image<u8>, out dst: image<f64>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = HALVES[x % 3] * HALVES[i32(src[x, y]) % 3] + f64(x); }
}

/// Channels that are treated alike.
kernel light(in src: image<u8, 3>, out dst: image<f32, 3>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = srgb_to_linear(src[x, y]); }
}

kernel codes(in src: image<f32, 3>, out dst: image<u8, 3>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = linear_to_srgb(src[x, y]); }
}

kernel two(
    in  src: image<i16, 2>,
    out dst: image<i32, 2>(src.width, src.height),
    out low: image<u8, 2>(src.width, src.height),
) {
    map (x, y) in dst {
        let v = [
            i32(src.zero[x + 2, y - 1][c]) * 3 - i32(src.mirror[x - 1, y + 1][c]) * y for c in 0..2
        ];
        dst[x, y] = v;
        if v[0] < 200 { low[x, y][0] = wrap_u8(v[0] ^ i32(src[x, y][0])); }
        if v[1] < 200 { low[x, y][1] = wrap_u8(v[1] ^ i32(src[x, y][1])); }
    }
}

/// The same line by line.
kernel soft(in src: image<u8, 4>, out dst: image<u8, 4>(src.width, src.height)) {
    var a: image<i32, 4>(src.width, src.height);
    map (x, y) in a {
        a[x, y] = [sum(i32(src.mirror[x + i, y][c]) * (2 - abs(i)) for i in -1..=1) for c in 0..4];
    }
    map (x, y) in dst {
        let total = [sum(a.mirror[x, y + i][c] * (2 - abs(i)) for i in -1..=1) for c in 0..4];
        dst[x, y] = [sat_u8((total[c] + 8) >> 4) for c in 0..4];
    }
}

/// Stays scalar: each channel has a weight of its own.
kernel tinted(in src: image<u8, 3>, out dst: image<u8, 3>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = [wrap_u8(i32(src[x, y][c]) * (c + 1)) for c in 0..3]; }
}

/// Stays scalar: each channel depends on the same other one.
kernel redder(in src: image<u8, 2>, out dst: image<u8, 2>(src.width, src.height)) {
    map (x, y) in dst {
        dst[x, y] = [max(src[x, y][0], src[x, y][1]), max(src[x, y][1], src[x, y][1])];
    }
}

/// Stays scalar: pixels of even and odd columns differ.
kernel striped(in src: image<u8, 2>, out dst: image<u8, 2>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = [wrap_u8(i32(src[x, y][c]) ^ x & 1) for c in 0..2]; }
}

/// Stays scalar: all look at channels of one pixel.
kernel shifted(in src: image<u8, 2>, out dst: image<u8, 2>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = [max(src[x, y][c], src[0, 0][c]) for c in 0..2]; }
}

/// Stays scalar: one channel beside three.
kernel masked(
    in  src: image<u8, 3>,
    in  mask: image<u8>(src.width, src.height),
    out dst: image<u8, 3>(src.width, src.height),
) {
    map (x, y) in dst { dst[x, y] = [min(src[x, y][c], mask[x, y]) for c in 0..3]; }
}

/// Stays scalar: colours.
kernel colours(in src: image<u8, 3>, out dst: image<u8, 3>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = [src[x, y][2], src[x, y][0], src[x, y][1]]; }
}
