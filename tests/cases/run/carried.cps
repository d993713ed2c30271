//! Images that a scan writes and reads at pixels gone by, and own pixels read back.

/// A recursive filter; pixels of src above 200 are not written, and keep what was there.
kernel smooth(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = 1000; }
    scan (x, y) in src {
        if src[x, y] <= 200 {
            dst[x, y] = (i32(src[x, y]) * 3 + dst.zero[x - 1, y] + dst.or(-9)[x + 2, y - 3]) / 5;
        }
    }
}

kernel smooth_checked(
    in src: image<u8>,
    in got: image<i32>(src.width, src.height),
    out dst: image<i32>(src.width, src.height),
) {
    map (x, y) in dst {
        let far = got.or(-9)[x + 2, y - 3];
        dst[x, y] = if src[x, y] <= 200 { (i32(src[x, y]) * 3 + got.zero[x - 1, y] + far) / 5 }
            else { 1000 };
    }
}

/// Along a serpentine, and in colour.
kernel colour(in src: image<u8, 3>, out dst: image<u8, 3>(src.width, src.height)) {
    scan (x, y, d) in src by serpentine(true) {
        let behind = dst.zero[x - d, y];
        let above = dst.or([1, 2, 3])[x + d, y - 1];
        dst[x, y] = [max(src[x, y][0], behind[1]), min(src[x, y][1], above[2]), behind[0]];
    }
}

kernel colour_checked(
    in src: image<u8, 3>,
    in got: image<u8, 3>(src.width, src.height),
    out dst: image<u8, 3>(src.width, src.height),
) {
    map (x, y) in dst {
        let d = if y % 2 == 0 { 1 } else { -1 };
        let behind = got.zero[x - d, y];
        let above = got.or([1, 2, 3])[x + d, y - 1];
        dst[x, y] = [max(src[x, y][0], behind[1]), min(src[x, y][1], above[2]), behind[0]];
    }
}

/// Written, read back, written again, in a map and in a scan.
kernel own(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst {
        dst[x, y] = i32(src[x, y]);
        let first = dst[x, y];
        dst[x, y] += 5;
        dst[x, y] = dst[x, y] * 2 - first;
    }
    scan (x, y) in dst {
        let before = dst[x, y];
        dst[x, y] = before + dst.zero[x - 1, y];
        dst[x, y] -= 1;
    }
}

kernel own_checked(
    in src: image<u8>,
    in got: image<i32>(src.width, src.height),
    out dst: image<i32>(src.width, src.height),
) {
    map (x, y) in dst { dst[x, y] = i32(src[x, y]) + 10 + got.zero[x - 1, y] - 1; }
}

/// One channel written at a time, under conditions, with floats.
kernel channels(in src: image<u8>, out dst: image<f32, 2>(src.width, src.height)) {
    scan (x, y) in src {
        let left = dst.zero[x - 1, y];
        if src[x, y] > 99 { dst[x, y][0] = left[1] * 0.5 + 1.0; }
        dst[x, y][1] = left[0] + 0.25;
    }
}

test "values gone by are what was written" {
    let src: image<u8> = noise(1, 13, 9);
    let got = smooth(src).dst;
    assert_eq(smooth_checked(src, got).dst, got);
    let thin: image<u8> = noise(2, 1, 12);
    let thin_got = smooth(thin).dst;
    assert_eq(smooth_checked(thin, thin_got).dst, thin_got);
}

test "in colour, along a serpentine" {
    let src: image<u8, 3> = noise(2, 9, 8);
    let got = colour(src).dst;
    assert_eq(colour_checked(src, got).dst, got);
}

test "own pixels" {
    let src: image<u8> = noise(5, 9, 8);
    let got = own(src).dst;
    assert_eq(own_checked(src, got).dst, got);
}

test "channels" {
    let out = channels(fill(200, 3, 1)).dst;
    assert_eq(out[0, 0], [1.0, 0.25]);
    assert_eq(out[1, 0], [1.125, 1.25]);
    assert_eq(channels(fill(0, 3, 1)).dst[2, 0], [0.0, 0.25]);
}
