fn look<const N: i32>(table: [i32; N], n: i32) -> i32 {
    return table[n - 1];   //~ CPS0808
}

kernel pick(
    in  src: image<u8>,
    out dst: image<i32>(src.width, src.height),
    param n: i32 in 0..=3 = 3,
) {
    var table = [1, 2, 3];
    table[n] = 4;   //~ CPS0808
    let v = table[min(n, 2)] + table[n] + look(table, n + 1);   //~ CPS0808
    map (x, y) in dst { dst[x, y] = v + table[i32(src[x, y]) % 3]; }
}
