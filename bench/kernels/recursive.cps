//! A filter that recurs: exponential smoothing along the rows, of the first order.

/// Each pixel keeps a share of what lies to its left; the first one is as it is.
kernel recursive(
    in  src: image<u8>,
    out dst: image<f32>(src.width, src.height),
    /// The share of what lies to the left.
    param keep: f32 in 0.0..=1.0 = 0.75,
) {
    scan (x, y) in src {
        let level = f32(src[x, y]);
        dst[x, y] = level * (1.0 - keep) + dst.or(level)[x - 1, y] * keep;
    }
}

test "a flat image stays flat" {
    assert_eq(recursive(fill(200, 9, 3)).dst, fill(200.0, 9, 3));
}

test "an edge decays" {
    let src: image<u8> = ramp(2, 1);  // black, then white
    assert_eq(recursive(src, keep: 0.5).dst[1, 0], 127.5);
}
