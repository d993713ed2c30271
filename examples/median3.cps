//! The median of a pixel and its eight neighbours: removes specks, keeps edges.

fn middle<T: num>(a: T, b: T, c: T) -> T { return max(min(a, b), min(max(a, b), c)); }

/// 3 x 3 median; beyond the edge the image is mirrored.
kernel median3(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        // The three columns, each put in order.
        let c = [[src.mirror[x + i, y + j] for j in -1..=1] for i in -1..=1];
        let low = [min(min(c[i][0], c[i][1]), c[i][2]) for i in 0..3];
        let mid = [middle(c[i][0], c[i][1], c[i][2]) for i in 0..3];
        let high = [max(max(c[i][0], c[i][1]), c[i][2]) for i in 0..3];
        dst[x, y] = middle(
            max(max(low[0], low[1]), low[2]),
            middle(mid[0], mid[1], mid[2]),
            min(min(high[0], high[1]), high[2]),
        );
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
