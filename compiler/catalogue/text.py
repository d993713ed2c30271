"""Text, syntax, names and files: diagnostics CPS0100 and on."""

from __future__ import annotations

from compiler.catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "CPS0101": Entry(
        "this is not part of the language",
        "The characters belong to no token. Programs are written in ASCII, outside of texts and "
        "comments.",
        "let v = a § b;",
        "let v = a * b;",
    ),
    "CPS0102": Entry(
        "this text has no end",
        "A text begins and ends with a double quote, on one line.",
        'require(n > 0, "n must be positive);',
        'require(n > 0, "n must be positive");',
    ),
    "CPS0103": Entry(
        "this is not a number",
        "Numbers are written 255, 0xff, 0b1010, 1_000_000, 0.5 or 1.5e-3. Types are not written "
        "behind them, except f32 and f64 behind floats: a number takes the type of its place.",
        "let v = 255u8;",
        "let v = u8(255);",
    ),
    "CPS0104": Entry(
        "this is not expected here",
        "The grammar allows something else at this place; the message lists what.",
        "let v = 1",
        "let v = 1;",
    ),
    "CPS0105": Entry(
        "this is nested too deeply",
        "Brackets may stand 64 deep, expressions and blocks 160 levels. Give parts a name with "
        "'let', or move them to a function.",
        "let v = ((((((…a…))))));",
        "let part = …;\nlet v = part * 2;",
    ),
    "CPS0106": Entry(
        "these brackets do not match",
        "Every (, [ and { is closed by its counterpart, the innermost first.",
        "let v = (a + b];",
        "let v = (a + b);",
    ),
    "CPS0107": Entry(
        "this file is too long",
        "A file may have 200,000 tokens and one megabyte of text. Split it and join the parts with "
        "'use'.",
        "// a file of 300,000 tokens",
        'use "tables.cps" { LOW };\nuse "filters.cps" { blur };',
    ),
    "CPS0108": Entry(
        "this name is too long",
        "Names have at most 64 characters.",
        "let the_mean_of_all_the_levels_that_were_seen_so_far_along_this_line_and_above = 0;",
        "let mean_so_far = 0;",
    ),
    "CPS0109": Entry(
        "this is not an escape",
        'In texts a backslash stands before n, t, " or another backslash.',
        '"50 \\% gray"',
        '"50 % gray"',
    ),
    "CPS0110": Entry(
        "this text is too long",
        "What 'require' says has at most 1,024 characters.",
        'require(n > 0, "a thousand and more characters …");',
        'require(n > 0, "n must be positive");',
    ),
    "CPS0121": Entry(
        "unknown name",
        "Nothing of this name is declared here, nor used from another file. Names are declared "
        "before they are used in a body; functions and constants may stand anywhere in the file.",
        "dst[x, y] = levle;",
        "dst[x, y] = level;",
    ),
    "CPS0122": Entry(
        "this name is taken",
        "A block declares a name once; so does a file.",
        "let v = 1; let v = 2;",
        "var v = 1; v = 2;",
    ),
    "CPS0123": Entry(
        "this name hides another one",
        "A name of an inner block may not hide one of an outer block: the reader should never have "
        "to wonder which is meant.",
        "let i = 1; for i in 0..4 { … }",
        "let n = 1; for i in 0..4 { … }",
    ),
    "CPS0124": Entry(
        "this is never used",
        "A warning. Remove what is not used, or begin its name with an underscore.",
        "let unused = src.width;",
        "let _unused = src.width;",
    ),
    "CPS0125": Entry(
        "this is not a value",
        "Images, rows, functions, types and texts are no values: pixels are read, functions "
        "called, types convert.",
        "let v = src + 1;",
        "let v = i32(src[x, y]) + 1;",
    ),
    "CPS0126": Entry(
        "unknown type",
        "The types are bool, i32, u32, i64, u64, f32, f64, the narrow u8, i8, u16, i16, arrays "
        "[T; N], image<T>, image<T, C> and rows<T, K>.",
        "let v: float = 1.0;",
        "let v: f32 = 1.0;",
    ),
    "CPS0127": Entry(
        "unknown field",
        "Images have .width and .height and borders; what argmin gives has .value and .at (over "
        "two ranges or an image .x and .y); records have their fields; what a kernel gives in a "
        "test has its out images and the fields of its record.",
        "src.widht",
        "src.width",
    ),
    "CPS0128": Entry(
        "this border is not possible here",
        "A read chooses one border: .clamp, .mirror, .reflect101, .wrap, .zero or .or(v). A write "
        "that may be outside goes through .drop.",
        "src.drop[x - 1, y]",
        "src.clamp[x - 1, y]",
    ),
    "CPS0131": Entry(
        "this file cannot be used",
        "A 'use' names a module of the standard library, or in quotes a .cps file below the folder "
        "of the main file, relative to the file that uses it.",
        'use "/home/me/hvs.cps" { gauss };',
        'use "hvs.cps" { gauss };',
    ),
    "CPS0132": Entry(
        "the file has no such name",
        "Only functions, kernels, records and constants of the other file can be used, and what "
        "it uses itself.",
        "use std.math { expp };",
        "use std.math { exp };",
    ),
    "CPS0133": Entry(
        "files use each other in a circle",
        "Move what both files need to a third one.",
        '// in a.cps: use "b.cps" { f };   in b.cps: use "a.cps" { g };',
        '// in a.cps: use "b.cps" { f };   in b.cps: use "common.cps" { g };',
    ),
    "CPS0136": Entry(
        "the file of an 'embed' does not hold this array",
        'embed("table.csv") reads numbers when the program is compiled: a row of the array is a '
        "line of the file, its numbers apart by commas, semicolons or spaces. Empty lines, and "
        "lines that begin with #, are skipped. The type says how many there must be.",
        'const T: [i32; 3] = embed("four_numbers.csv");',
        'const T: [i32; 4] = embed("four_numbers.csv");',
    ),
    "CPS0135": Entry(
        "too many files",
        "A program is made from at most 64 files.",
        'use "part001.cps" { a };\n…\nuse "part100.cps" { z };',
        'use "parts.cps" { a, z };',
    ),
}
