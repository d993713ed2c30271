//! Colour images in linear light.
use std.color { srgb_to_linear };

/// The light of every pixel of an 8-bit sRGB image, 0 to 1.
kernel linear(in src: image<u8, 3>, out dst: image<f32, 3>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = srgb_to_linear(src[x, y]); }
}

test "black and white" {
    assert_eq(linear(fill([0, 255, 0], 3, 2)).dst, fill([0.0, 1.0, 0.0], 3, 2));
}
