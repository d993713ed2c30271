use std.math { exp };

kernel k(in src: image<f32>, out dst: image<f32>(src.width, src.height)) {
    let e = exp(2);   //~ CPS0416
    map (x, y) in dst { dst[x, y] = src[x, y] * f32(e); }
}
