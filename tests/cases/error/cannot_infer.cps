fn ones<const N: i32>(v: f32) -> [f32; N] {
    return [v; N];
}

kernel k(in src: image<f32>, out dst: image<f32>(src.width, src.height)) {
    let k = ones(1.0);   //~ CPS0307
    map (x, y) in dst { dst[x, y] = src[x, y] * k[0]; }
}
