//! Conversions of colour.

// The weights of red, green and blue in ITU-R BT.601 luma, 0.299, 0.587 and 0.114, in units of
// 1 / 65536. They add up to 65536, so that gray stays gray.
const RED: i32 = 19595;
const GREEN: i32 = 38470;
const BLUE: i32 = 7471;

/// Luma of an 8-bit sRGB colour, of its coded (not linear) values, rounded to the nearest.
fn luma(rgb: [u8; 3]) -> u8 {
    return u8((i32(rgb[0]) * RED + i32(rgb[1]) * GREEN + i32(rgb[2]) * BLUE + 32768) >> 16);
}

/// Convert a colour image to gray: luma with the weights 0.299, 0.587 and 0.114.
kernel gray(in src: image<u8, 3>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = luma(src[x, y]); }
}

test "gray stays gray" {
    assert_eq(gray(fill([77, 77, 77], 3, 2)).dst, fill(77, 3, 2));
    assert_eq(gray(fill([0, 0, 0], 3, 2)).dst, fill(0, 3, 2));
    assert_eq(gray(fill([255, 255, 255], 3, 2)).dst, fill(255, 3, 2));
}

test "pure colours have their weights" {
    assert_eq(gray(fill([255, 0, 0], 1, 1)).dst, fill(76, 1, 1));
    assert_eq(gray(fill([0, 255, 0], 1, 1)).dst, fill(150, 1, 1));
    assert_eq(gray(fill([0, 0, 255], 1, 1)).dst, fill(29, 1, 1));
}
