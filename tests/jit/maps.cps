//! Maps that become vectors, one for each thing that their lowering has to get right.
use std.image { isqrt, clamp };

/// Narrow lanes whose squares are wide; clamped at the edges.
kernel gradient(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let s = src.clamp;
    map (x, y) in dst {
        let gx = i32(s[x + 1, y - 1]) + 2 * i32(s[x + 1, y]) - i32(s[x - 1, y - 1]);
        let gy = i32(s[x - 1, y + 1]) + 2 * i32(s[x, y + 1]) - 3 * i32(s[x - 3, y]);
        dst[x, y] = sat_u8(isqrt(gx * gx + gy * gy));
    }
}

/// What depends on the low bits of x and on y is the same in every vector of a line.
kernel ranks(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        let d = x ^ y;
        let rank = (d & 1) << 5 | (y & 1) << 4 | (d & 2) << 2 | (x * 3 - y & 6) << 1 | x % 4;
        dst[x, y] = if i32(src[x, y]) > rank * 4 + 1 { 255 } else { 0 };
    }
}

/// The same behind an edge of two pixels, with signs, and periods longer than some vectors.
kernel periods(in src: image<i16>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst {
        let t = mod_floor(x - 7 * y, 16) + ((2 - x) & 7) * 100 + (x & 31) * 2000 + (x | 12) % 64;
        dst[x, y] = t * i32(src.mirror[x + 2, y]) + (x & -4) - ((x + y * 77) & 5);
    }
}

/// Bytes, sorted; mirrored.
kernel middle(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        let c = [src.mirror[x + i, y - i] for i in -1..=1];
        dst[x, y] = max(min(c[0], c[1]), min(max(c[0], c[1]), c[2]));
    }
}

/// Floats, a sum of neighbours, an image in between; NaN and infinities pass.
kernel floats(
    in  src: image<f32>,
    out dst: image<f32>(src.width, src.height),
    param share: f32 = 0.3,
) {
    var a: image<f32>(src.width, src.height);
    map (x, y) in a { a[x, y] = src[x, y] * share + 1.0; }
    map (x, y) in dst {
        let total = sum(a.reflect101[x + i - 2, y + i] for i in 0..5);
        dst[x, y] = if total > 2.0 {
            total / src[x, y]
        } else {
            min(total, sqrt(src.wrap[x, y - 9]))
        };
    }
}

/// Sums and products of doubles, and integers of them.
kernel doubles(in src: image<f64>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = i32(floor(src.clamp[x - 1, y] * 1000.0)) - i32(src[x, y]); }
}

/// What is seen outside is a number of its own, or nothing.
kernel beyond(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst {
        let left = i32(src.zero[x - 2, y - 1]);
        let right = i32(src.or(src[x, y])[x + 1, y + 3]);
        dst[x, y] = left * 256 + right;
    }
}

/// Arms that are not taken wrap in narrow lanes; two images are written, one not always.
kernel arms(
    in  src: image<u8>,
    out dst: image<u16>(src.width, src.height),
    out some: image<u8>(src.width, src.height),
) {
    map (x, y) in dst {
        let v = i32(src[x, y]);
        var w = v * 100;
        if v < 20 {
            w = w * w / 1000;
            some[x, y] = u8(v * 12);
        } else if v > 240 {
            w = w - v;
        }
        dst[x, y] = sat_u16(w);
    }
}

/// Wide numbers of every size.
kernel wide(in src: image<u32>, out dst: image<u64>(src.width, src.height)) {
    map (x, y) in dst {
        let v = u64(src.clamp[x + 1, y]) * 3 + u64(src[x, y] >> 3);
        dst[x, y] = v * v ^ u64(y);
    }
}

/// Signed bytes.
kernel signed(in src: image<i8>, out dst: image<i8>(src.width, src.height)) {
    map (x, y) in dst {
        let v = i32(src[x, y]);
        dst[x, y] = wrap_i8(if v < 100 { abs(v) * 2 } else { v - x });
    }
}

/// Halves of coordinates and divisions; nothing is read.
kernel places(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = x / 3 * 1000 + div_floor(x - y, 7) - (x << 3) + (x >> 1); }
}

/// Stays scalar: an image is read where it is written.
kernel back(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = src[x, y]; }
    map (x, y) in dst { dst[x, y] = wrap_u8(i32(dst[x, y]) * 3 + 1); }
}

/// Stays scalar: places that lie apart.
kernel turned(in src: image<u8>, out dst: image<u8>(src.height, src.width)) {
    map (x, y) in dst { dst[x, y] = src[y, x]; }
}

/// Stays scalar: it may trap.
kernel trapping(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = u8(i32(src[x, y]) + 1); }
}

/// Three maps, line by line: each stays behind the one before.
kernel chain(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var a: image<i32>(src.width, src.height);
    var b: image<u8>(src.width, src.height);
    map (x, y) in a { a[x, y] = i32(src[x, y]) * 3 + y; }
    let scale = i32(sqrt(50.0));
    map (x, y) in b { b[x, y] = sat_u8((a.mirror[x - 1, y - 4] + a.mirror[x, y + 1]) / scale); }
    map (x, y) in dst { dst[x, y] = a.clamp[x, y + 2] + i32(b.reflect101[x + 2, y + 3]) * x; }
}

/// Two are put together, beyond the edges of which nothing is.
kernel joined(in src: image<u8>, out dst: image<f32>(src.width, src.height)) {
    var a: image<f32>(src.width, src.height);
    var b: image<f32>(src.width, src.height);
    map (x, y) in a { a[x, y] = f32(src.clamp[x, y - 1]) / 7.0; }
    map (x, y) in b { b[x, y] = sqrt(f32(src[x, y])); }
    map (x, y) in dst { dst[x, y] = a.zero[x, y - 2] - b.or(0.5)[x + 1, y + 5]; }
}

/// What a map wrote is looked at again at the end.
kernel later(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var a: image<u8>(src.width, src.height);
    var b: image<u8>(src.width, src.height);
    map (x, y) in a { a[x, y] = min(src[x, y], 200); }
    map (x, y) in b { b[x, y] = max(a.clamp[x, y - 1], a[x, y]); }
    let total = sum(i32(a[x, y]) for (x, y) in a);
    map (x, y) in dst { dst[x, y] = i32(b.clamp[x, y + 1]) ^ total; }
}

/// Images that change again and again.
kernel rounds(
    in  src: image<u8>,
    out dst: image<i32>(src.width, src.height),
    param n: i32 in 1..=90 = 3,
) {
    var a: image<i32>(src.width, src.height);
    for i in 0..n {
        map (x, y) in a { a[x, y] = i32(src.clamp[x + 1, y]) / (i + 1) - y; }
        map (x, y) in dst { dst[x, y] = a.mirror[x, y + 1] ^ a[x, y] + i; }
    }
}

/// Not together: lines of the other end are not there yet.
kernel around(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var a: image<u8>(src.width, src.height);
    map (x, y) in a { a[x, y] = min(src[x, y], 99); }
    map (x, y) in dst { dst[x, y] = max(a.wrap[x, y - 1], a[x, y]); }
}

/// Not together: all look at the first pixel and at the last.
kernel first(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var a: image<u8>(src.width, src.height);
    map (x, y) in a { a[x, y] = min(src[x, y], 99); }
    map (x, y) in dst { dst[x, y] = max(a[0, 0], min(a[src.width - 1, src.height - 1], a[x, y])); }
}

/// Two and two: the third writes what the second still reads.
kernel over(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var a: image<u8>(src.width, src.height);
    var b: image<u8>(src.width, src.height);
    map (x, y) in a { a[x, y] = src[x, y]; }
    map (x, y) in b { b[x, y] = max(a.clamp[x, y + 1], a.clamp[x, y - 1]); }
    map (x, y) in a { a[x, y] = b.clamp[x, y - 2]; }
    map (x, y) in dst { dst[x, y] = a.clamp[x, y + 3]; }
}
