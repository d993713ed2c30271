//! The median of a pixel and its eight neighbours: removes specks, keeps edges.
use std.image { min, max };

fn sort2<T: num>(v: [T; 9], i: i32, j: i32) -> [T; 9] {
    var r = v;
    r[i] = min(v[i], v[j]);
    r[j] = max(v[i], v[j]);
    return r;
}

/// 3 x 3 median; beyond the edge the image is mirrored.
kernel median3(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        var v = [src.mirror[x + i % 3 - 1, y + i / 3 - 1] for i in 0..9];
        // Five rounds of a bubble sort: the five greatest are in place, the fifth is the median.
        for i in 0..5 { for j in 0..8 - i { v = sort2(v, j, j + 1); } }
        dst[x, y] = v[4];
    }
}

test "flat images and ramps stay as they are" {
    assert_eq(median3(fill(9, 5, 4)).dst, fill(9, 5, 4));
    let src: image<u8> = ramp(100, 7);
    assert_eq(median3(src).dst, src);
}

test "the median is one of the nine, in the middle" {
    let src: image<u8> = noise(11, 31, 17);
    let out = median3(src);
    let below = sum(
        if src.mirror[15 + i % 3 - 1, 8 + i / 3 - 1] < out.dst[15, 8] { 1 } else { 0 } for i in 0..9
    );
    let equal = count(src.mirror[15 + i % 3 - 1, 8 + i / 3 - 1] == out.dst[15, 8] for i in 0..9);
    assert_between(below, 0, 4);
    assert_between(below + equal, 5, 9);
}

test "specks vanish" {
    let src: image<u8> = noise(5, 64, 64);
    let out = median3(src);
    let before = max(i32(src[x, y]) for (x, y) in src) - min(i32(src[x, y]) for (x, y) in src);
    let after = max(i32(out.dst[x, y]) for (x, y) in src)
        - min(i32(out.dst[x, y]) for (x, y) in src);
    assert_between(after, 0, before - 1);
}
