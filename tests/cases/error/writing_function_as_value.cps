fn copy(a: image<f32>, out b: image<f32>) -> i32 {
    map (x, y) in b { b[x, y] = a.clamp[x, y]; }
    return 1;
}

kernel k(in src: image<f32>, out dst: image<f32>(src.width, src.height)) {
    let v = copy(src, dst) + 1;   //~ CPS0407
}
