fn three() -> i32 {
    let a = 1;   //~ CPS0124
    let _b = 2;
    return 3;
}

kernel k(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = three(); }
}
