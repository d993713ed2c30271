fn copy(a: image<f32>, out b: image<f32>(a.width, a.height)) {
    map (x, y) in b { b[x, y] = a[x, y]; }
}

kernel k(in src: image<f32>, out dst: image<f32>(src.width, src.height)) {
    copy(dst, dst);   //~ CPS0405
}

// rule T11
