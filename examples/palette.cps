//! Floyd-Steinberg in colour, to the colours of a palette, diffused in linear light.
use std.color { srgb_to_linear };

fn distance2(a: [f32; 3], b: [f32; 3]) -> f32 {
    let d = a - b;
    return d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
}

/// Reduce a colour image to the colours of a palette.
kernel palette_dither(
    in  src: image<u8, 3>,
    /// One row of at most 256 colours; `--in palette=#000000,#ff8000` will do for a file.
    in  palette: image<u8, 3>,
    out dst: image<u8, 3>(src.width, src.height),
    /// Which colour of the palette each pixel has.
    out index: image<u8>(src.width, src.height),
    /// Scan every other row from right to left.
    param serpentine: bool = true,
    /// Share of the error that is passed on.
    param strength: f32 in 0.0..=1.0 = 1.0,
) {
    require(
        palette.height == 1 && palette.width <= 256,
        "a palette is a row of 256 colours at most",
    );
    var light: [[f32; 3]; 256] = [[0.0; 3]; 256];
    for i in 0..palette.width { light[i] = srgb_to_linear(palette[i, 0]); }

    var err: rows<[f32; 3], 2>(src.width);
    scan (x, y, d) in src by serpentine(serpentine) {
        let want = srgb_to_linear(src[x, y]) + err[x, y];
        let best = argmin(distance2(want, light[i]) for i in 0..palette.width);  // ties: the first
        index[x, y] = u8(best.at);
        dst[x, y] = palette[best.at, 0];
        let e = (want - light[best.at]) * (strength / 16.0);
        err.drop[x + d, y]     += e * 7.0;
        err.drop[x - d, y + 1] += e * 3.0;
        err[x, y + 1]          += e * 5.0;
        err.drop[x + d, y + 1] += e;
    }
}

test "colours of the palette stay" {
    let palette: image<u8, 3> = fill([200, 100, 50], 1, 1);
    let out = palette_dither(fill([200, 100, 50], 9, 7), palette);
    assert_eq(out.dst, fill([200, 100, 50], 9, 7));
    assert_eq(out.index, fill(0, 9, 7));
}

test "light keeps its mean" {
    let black_and_white: image<u8, 3> = ramp(2, 1);
    let out = palette_dither(fill([188, 188, 188], 32, 32), black_and_white);  // half of the light
    assert_between(count(out.index[x, y] == 1 for (x, y) in out.index), 490, 530);
}
