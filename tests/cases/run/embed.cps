//! Tables read when the program is compiled.

const WHOLE: [[i32; 3]; 2] = embed("table.csv");
const NARROW: [[i8; 3]; 2] = embed("table.csv");
const FLOATS: [f32; 4] = embed("floats.csv");

kernel look(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst {
        let row = WHOLE[i32(src[x, y]) % 2];
        dst[x, y] = row[0] + row[2] + i32(NARROW[1][x % 3]);
    }
}

test "tables" {
    let out = look(ramp(2, 1)).dst;
    assert_eq(out[0, 0], 0);
    assert_eq(out[1, 0], 7);
    assert_eq(FLOATS[1], -1000.0);
    assert_eq(FLOATS[3] == FLOATS[3], false);
}
