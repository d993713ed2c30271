//! Reading outside of an image: every view, near and far, small images too.

kernel views(in src: image<i32>, out dst: image<i32>(6, src.width + 12), param y: i32 = 0) {
    let far = [src.clamp[i - 6, y] for i in 0..1];
    map (k, i) in dst {
        let x = i - 6;
        let a = src.clamp[x, y];
        let b = src.mirror[x, y];
        let c = src.reflect101[x, y];
        let e = src.wrap[x, y];
        let f = src.zero[x, y];
        let g = src.or(-1)[x, y];
        dst[k, i] = if k == 0 { a } else if k == 1 { b } else if k == 2 { c } else if k == 3 { e }
            else if k == 4 { f } else { g + 0 * far[0] };
    }
}

kernel count_up(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = x + 10 * y; }
}

test "views of three pixels" {
    let src = count_up(fill(0, 3, 1)).dst;
    let out = views(src).dst;
    assert_eq([out[0, i] for i in 0..15], [0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2]);
    assert_eq([out[1, i] for i in 0..15], [0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2]);
    assert_eq([out[2, i] for i in 0..15], [2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0]);
    assert_eq([out[3, i] for i in 0..15], [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
    assert_eq([out[4, i] for i in 0..15], [0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0]);
    assert_eq([out[5, i] for i in 0..15], [-1, -1, -1, -1, -1, -1, 0, 1, 2, -1, -1, -1, -1, -1, -1]);
}

test "one pixel is all there is" {
    let src: image<i32> = fill(5, 1, 1);
    let out = views(src, y: 3).dst;
    assert_eq([out[k, 0] for k in 0..6], [5, 5, 5, 5, 0, -1]);
}

/// Reads at a place of the caller's choice: checked, since nothing is known of it.
kernel probe(in src: image<i32>, out dst: image<i32>(1, 1), param x: i32 = 0, param y: i32 = 0) {
    dst[0, 0] = src[x, y];
}

test "a checked read traps outside" {
    let src = count_up(fill(0, 4, 3)).dst;
    assert_eq(probe(src, x: 3, y: 2).dst[0, 0], 23);
    assert_traps(probe(src, x: 4, y: 0));
    assert_traps(probe(src, x: 0, y: 3));
    assert_traps(probe(src, x: -1, y: 0));
    assert_traps(probe(src, x: 0, y: -1));
}

/// Writes at places of the caller's choice.
kernel poke(in src: image<i32>, out dst: image<i32, 2>(src.width, src.height), param x: i32 = 0, param checked: bool = false) {
    dst.drop[x, 0] = [7, 8];
    if checked { dst[x, 0] = [1, 2]; }
}

test "writes outside are dropped, or trap" {
    let src: image<i32> = fill(0, 3, 2);
    assert_eq(poke(src, x: 5).dst, fill([0, 0], 3, 2));
    assert_eq(poke(src, x: 1).dst[1, 0], [7, 8]);
    assert_eq(poke(src, x: 1, checked: true).dst[1, 0], [1, 2]);
    assert_traps(poke(src, x: 3, checked: true));
}
