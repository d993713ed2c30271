fn mix(a: f32, b: f32, t: f32) -> f32 {
    return a + (b - a) * t;
}

kernel k(in src: image<f32>, out dst: image<f32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = mix(src[x, y], 0.5); }   //~ CPS0401
}
