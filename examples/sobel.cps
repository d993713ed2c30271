//! Edges: the gradient of Sobel and Feldman (1968).
use std.image { isqrt };

/// Magnitude of the gradient, at most 255; beyond the edge the image goes on as it ends.
kernel sobel(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let s = src.clamp;
    map (x, y) in dst {
        let gx = i32(s[x + 1, y - 1]) + 2 * i32(s[x + 1, y]) + i32(s[x + 1, y + 1])
            - i32(s[x - 1, y - 1]) - 2 * i32(s[x - 1, y]) - i32(s[x - 1, y + 1]);
        let gy = i32(s[x - 1, y + 1]) + 2 * i32(s[x, y + 1]) + i32(s[x + 1, y + 1])
            - i32(s[x - 1, y - 1]) - 2 * i32(s[x, y - 1]) - i32(s[x + 1, y - 1]);
        dst[x, y] = sat_u8(isqrt(gx * gx + gy * gy));
    }
}

test "a flat image has no edges" {
    assert_eq(sobel(fill(200, 7, 5)).dst, fill(0, 7, 5));
    assert_eq(sobel(fill(200, 1, 1)).dst, fill(0, 1, 1));
}

test "a ramp rises by one level a pixel" {
    // Two pixels apart the levels differ by 2, and the weights of three rows add up to 4.
    let src: image<u8> = ramp(256, 6);
    let out = sobel(src);
    assert_eq(count(out.dst[x, y] == 8 for (x, y) in src), 254 * 6);
    assert_eq(out.dst[0, 3], 4);  // one step only, at the ends
    assert_eq(out.dst[255, 0], 4);
}

test "strong edges saturate" {
    let src: image<u8> = ramp(2, 9);  // black beside white
    assert_eq(sobel(src).dst, fill(255, 2, 9));
}
