//! A conversion, and nothing else.

/// Levels as floats.
kernel to_float(in src: image<u8>, out dst: image<f32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = f32(src[x, y]); }
}

test "levels stay" {
    assert_eq(to_float(fill(77, 4, 2)).dst, fill(77.0, 4, 2));
}
