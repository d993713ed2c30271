//! The pixel of a scan itself, in whatever words, is what has been written there so far.

kernel plain(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    scan (x, y, d) in src by serpentine(true) {
        dst[x, y] = i32(src[x, y]);
        dst[x, y] = dst[x, y] * 2 + 1;
    }
}

kernel in_other_words(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    scan (x, y, d) in src by serpentine(true) {
        dst[x, y] = i32(src[x, y]);
        dst[x, y] = dst.zero[x - 0, y] + dst.or(9)[x + d - d, y * 1] + 1;
    }
}

test "the own pixel" {
    let src: image<u8> = noise(4, 9, 5);
    assert_eq(plain(src).dst, in_other_words(src).dst);
}
