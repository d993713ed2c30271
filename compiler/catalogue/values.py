"""Types: diagnostics CPS0300 and on."""

from __future__ import annotations

from compiler.catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "CPS0301": Entry(
        "the types differ",
        "Nothing is converted silently. Name the type you want: f32(v), i32(v).",
        "let v: f32 = src.width;",
        "let v = f32(src.width);",
    ),
    "CPS0302": Entry(
        "narrow types do not calculate",
        "u8, i8, u16 and i16 are how images and tables store numbers. They may be copied, "
        "compared, selected and put through min and max; to calculate, convert first.",
        "let v = src[x, y] + 1;",
        "let v = i32(src[x, y]) + 1;",
    ),
    "CPS0303": Entry(
        "this value may not fit",
        "Going to a narrower type says what happens to what does not fit: u8(v) traps, sat_u8(v) "
        "takes the nearest value, wrap_u8(v) wraps around.",
        "dst[x, y] = v;",
        "dst[x, y] = sat_u8(v);",
    ),
    "CPS0304": Entry(
        "this operator is not for this type",
        "Numbers calculate, integers have bits and shifts, bools have && || !.",
        "let v = !mask;",
        "let v = ~mask;",
    ),
    "CPS0305": Entry(
        "this number does not fit its type",
        "A number takes the type of its place, and that type must hold it.",
        "let v: u8 = 256;",
        "let v: u16 = 256;",
    ),
    "CPS0306": Entry(
        "a condition is true or false",
        "Numbers are no conditions: compare them.",
        "if n { … }",
        "if n != 0 { … }",
    ),
    "CPS0307": Entry(
        "a generic argument cannot be told",
        "What <T: num> and <const N: i32> are is found from the arguments of a call and from the "
        "type expected of it.",
        "let k = gauss(1.2, 0.0);",
        "let k: [f32; 11] = gauss(1.2, 0.0);",
    ),
    "CPS0308": Entry(
        "this size is not possible",
        "Arrays have 1 to 65,536 numbers, images 1 to 16 channels, rows 1 to 16 lines; all are "
        "constants.",
        "let v = [0; 0];",
        "let v = [0; 1];",
    ),
    "CPS0309": Entry(
        "this has no elements",
        "Only arrays and pixels of several channels have elements.",
        "let v = 5; let e = v[0];",
        "let v = [5]; let e = v[0];",
    ),
    "CPS0310": Entry(
        "this conversion does not exist",
        "i32(v) and its like convert numbers, sat_ and wrap_ go to integers, bits_ keeps the bits "
        "between floats and integers of one width.",
        "let b = bool(n);",
        "let b = n != 0;",
    ),
    "CPS0311": Entry(
        "this is not the number of coordinates",
        "Pixels have x and y, arrays one index; loops over pixels name x and y, scans also their "
        "direction.",
        "src[x]",
        "src[x, y]",
    ),
    "CPS0312": Entry(
        "this is always outside",
        "The index is a constant that no element or pixel has.",
        "let v = [1, 2, 3]; let e = v[3];",
        "let v = [1, 2, 3]; let e = v[2];",
    ),
    "CPS0315": Entry(
        "an array is made with one 'for'",
        "Arrays of arrays are made one within the other.",
        "[i * j for i in 0..3 for j in 0..3]",
        "[[i * j for j in 0..3] for i in 0..3]",
    ),
    "CPS0314": Entry(
        "this type is not possible here",
        "Images and rows are declared with a size and stay where they are; arrays hold numbers "
        "and arrays of them.",
        "var t: image<f32> = 0.0;",
        "var t: image<f32>(src.width, src.height);",
    ),
}
