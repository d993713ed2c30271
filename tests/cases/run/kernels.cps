//! Kernels that call kernels: images passed down, parameters kept in their ranges, sizes demanded.

/// A threshold.
kernel threshold(
    in  src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    param level: i32 in 0..=255 = 128,
    param ends: [u32; 2] in 0..=255 = [0, 255],
) {
    map (x, y) in dst { dst[x, y] = if i32(src[x, y]) >= level { u8(ends[1]) } else { u8(ends[0]) }; }
}

/// Every pixel `by` times.
kernel grown(
    in  src: image<u8>,
    out dst: image<u8>(src.width * by, src.height * by),
    param by: i32 in 1..=4 = 2,
) {
    map (x, y) in dst { dst[x, y] = src.clamp[x / by, y / by]; }
}

kernel twice(
    in  src: image<u8>,
    out dst: image<u8>(src.width * 2, src.height * 2),
    param level: i32 in 0..=1000 = 100,
) {
    var big: image<u8>(src.width * 2, src.height * 2);
    grown(src, big);
    threshold(big, dst, level: level);
}

kernel sized(
    in  src: image<u8>,
    out dst: image<u8>(src.width * times, src.height * times),
    param times: i32 in 1..=4 = 3,
    param ends: [u32; 2] = [1, 2],
) {
    var big: image<u8>(src.width * times, src.height * times);
    grown(src, by: times, dst: big);
    threshold(big, dst, 64, ends);
}

/// In the innermost of calls within loops.
fn repeated(src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    for i in 0..3 { threshold(src, dst, level: 50 * i); }
}

kernel loops(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    repeated(src, dst);
}

test "what a kernel does, a called one does" {
    let src: image<u8> = ramp(4, 3);
    let big = grown(src).dst;
    assert_eq(twice(src).dst, threshold(big, level: 100).dst);
    assert_eq(sized(src, times: 4).dst, threshold(grown(src, by: 4).dst, level: 64, ends: [1, 2]).dst);
    assert_eq(sized(src).dst.width, 12);
    assert_eq(loops(src).dst, threshold(src, level: 100).dst);
}

test "parameters keep their ranges" {
    assert_eq(twice(fill(9, 2, 2), level: 255).dst, fill(0, 4, 4));
    assert_traps(twice(fill(9, 2, 2), level: 256));
    assert_traps(sized(fill(9, 2, 2), ends: [0, 300]));
}
