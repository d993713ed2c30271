//! Scans by columns and in reverse: each is the raster scan of a turned image.

fn transpose(a: image<u8>, out b: image<u8>(a.height, a.width)) {
    map (x, y) in b { b[x, y] = a.clamp[y, x]; }
}

fn back(a: image<i32>, out b: image<i32>(a.height, a.width)) {
    map (x, y) in b { b[x, y] = a.clamp[y, x]; }
}

fn turned(a: image<u8>, out b: image<u8>(a.width, a.height)) {
    map (x, y) in b { b[x, y] = a.clamp[a.width - 1 - x, a.height - 1 - y]; }
}

fn turned_back(a: image<i32>, out b: image<i32>(a.width, a.height)) {
    map (x, y) in b { b[x, y] = a.clamp[a.width - 1 - x, a.height - 1 - y]; }
}

fn raster(src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var err: rows<i32, 3>(src.width);
    scan (x, y, d) in src {
        let v = i32(src[x, y]) + err[x, y] / 5;
        dst[x, y] = v + dst.zero[x - 2, y] / 3 - dst.or(7)[x + 1, y - 1] / 4;
        err.drop[x + d, y] += v * 2;
        err.drop[x - 2 * d, y + 1] -= v;
        err[x, y + 2] += v;
    }
}

kernel by_columns(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var err: rows<i32, 3>(src.height);
    scan (x, y, d) in src by columns {
        let v = i32(src[x, y]) + err[x, y] / 5;
        dst[x, y] = v + dst.zero[x, y - 2] / 3 - dst.or(7)[x - 1, y + 1] / 4;
        err.drop[x, y + d] += v * 2;
        err.drop[x + 1, y - 2 * d] -= v;
        err[x + 2, y] += v;
    }
}

kernel by_columns_turned(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var t: image<u8>(src.height, src.width);
    var u: image<i32>(src.height, src.width);
    transpose(src, t);
    raster(t, u);
    back(u, dst);
}

kernel in_reverse(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var err: rows<i32, 3>(src.width);
    scan (x, y, d) in src by reverse {
        let v = i32(src[x, y]) + err[x, y] / 5;
        dst[x, y] = v + dst.zero[x + 2, y] / 3 - dst.or(7)[x - 1, y + 1] / 4;
        err.drop[x + d, y] += v * 2;
        err.drop[x + 2, y - 1] -= v;
        err[x, y - 2] += v;
    }
}

kernel in_reverse_turned(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    var t: image<u8>(src.width, src.height);
    var u: image<i32>(src.width, src.height);
    turned(src, t);
    raster(t, u);
    turned_back(u, dst);
}

/// The direction of travel, and the number of the visit.
kernel visits(in src: image<u8>, out dst: image<i32, 3>(src.width, src.height)) {
    var a: image<i32>(src.width, src.height);
    var b: image<i32>(src.width, src.height);
    var c: image<i32>(src.width, src.height);
    scan (x, y, d) in src by serpentine(true) { a[x, y] = d; }
    scan (x, y, d) in src by columns { b[x, y] = d; }
    scan (x, y, d) in src by reverse { c[x, y] = d; }
    map (x, y) in dst { dst[x, y] = [a[x, y], b[x, y], c[x, y]]; }
}

test "columns are the lines of the transposed image" {
    let src: image<u8> = noise(3, 11, 9);
    assert_eq(by_columns(src).dst, by_columns_turned(src).dst);
    let wide: image<u8> = noise(4, 40, 1);
    assert_eq(by_columns(wide).dst, by_columns_turned(wide).dst);
    let tall: image<u8> = noise(5, 1, 40);
    assert_eq(by_columns(tall).dst, by_columns_turned(tall).dst);
}

test "reverse is the raster of the image turned by half a circle" {
    let src: image<u8> = noise(6, 11, 9);
    assert_eq(in_reverse(src).dst, in_reverse_turned(src).dst);
    let wide: image<u8> = noise(7, 40, 1);
    assert_eq(in_reverse(wide).dst, in_reverse_turned(wide).dst);
    let tall: image<u8> = noise(8, 1, 40);
    assert_eq(in_reverse(tall).dst, in_reverse_turned(tall).dst);
}

test "d is the direction of travel" {
    let seen = visits(fill(0, 3, 2)).dst;
    assert_eq(seen[0, 0], [1, 1, -1]);
    assert_eq(seen[2, 1], [-1, 1, -1]);
}
