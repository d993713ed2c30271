"""Functions, constants, kernels, tests: diagnostics CPS0400 to CPS0999."""

from __future__ import annotations

from compiler.catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "CPS0401": Entry(
        "these are not the arguments",
        "Every parameter without a default is given once, by place or by name.",
        "min(a)",
        "min(a, b)",
    ),
    "CPS0402": Entry(
        "this named argument does not fit",
        "Named arguments follow the others, each names a parameter, and none is given twice.",
        "dither(src, treshold: 100)",
        "dither(src, threshold: 100)",
    ),
    "CPS0403": Entry(
        "functions do not call themselves",
        "Every program ends, and its cost is known before it runs: loops with bounds take the "
        "place of recursion.",
        "fn f(n: i32) -> i32 { return if n < 2 { 1 } else { n * f(n - 1) }; }",
        "fn f(n: i32) -> i32 { var v = 1; for i in 2..=n { v *= i; } return v; }",
    ),
    "CPS0404": Entry(
        "this 'return' does not fit",
        "'return' stands last in a function, and gives what the function is declared to give.",
        "if n > 0 { return 1; } return 0;",
        "return if n > 0 { 1 } else { 0 };",
    ),
    "CPS0405": Entry(
        "an image is passed twice, once to be written",
        "What a function writes must be another image than all it reads.",
        "blur(a, k, a);",
        "blur(a, k, b);",
    ),
    "CPS0406": Entry(
        "an image is needed here, and images stay what they are",
        "Images are declared, passed down to functions, read and written; they are not stored, "
        "returned or calculated with. Views belong to reads.",
        "map (x, y) in src.clamp { … }",
        "map (x, y) in src { … src.clamp[x + 1, y] … }",
    ),
    "CPS0407": Entry(
        "a function that writes images is called as a statement",
        "Expressions have no effects.",
        "let v = blur(a, b) + 1;",
        "blur(a, b);",
    ),
    "CPS0409": Entry(
        "too many functions",
        "Functions call functions at most 24 deep, and a program has at most 256 instances of "
        "them.",
        "fn f<const N: i32>(v: [i32; N]) -> i32 { return f([v[i] for i in 1..N]); }",
        "fn f<const N: i32>(v: [i32; N]) -> i32 { return sum(v[i] for i in 0..N); }",
    ),
    "CPS0411": Entry(
        "this value is not used",
        "A statement does something: a call whose value is dropped does nothing.",
        "min(a, b);",
        "let v = min(a, b);",
    ),
    "CPS0412": Entry(
        "this gives no value",
        "Functions without '->' are called as statements.",
        "let v = fill_border(dst);",
        "fill_border(dst);",
    ),
    "CPS0413": Entry(
        "this is not a reduction",
        "Only sum, min, max, argmin, argmax and count go over a 'for'.",
        "mean(v[i] for i in 0..n)",
        "sum(v[i] for i in 0..n) / n",
    ),
    "CPS0414": Entry(
        "this cannot be called",
        "Functions are called; elements and pixels are chosen with brackets.",
        "src(x, y)",
        "src[x, y]",
    ),
    "CPS0415": Entry(
        "this cannot be assigned",
        "'let', parameters and loop variables are fixed, 'var' may change.",
        "let n = 0; n += 1;",
        "var n = 0; n += 1;",
    ),
    "CPS0416": Entry(
        "this type is not one the function takes",
        "<T: float> takes f32 and f64, <T: int> takes integers, <T: num> takes both.",
        "exp(2)",
        "exp(2.0)",
    ),
    "CPS0501": Entry(
        "this must be constant",
        "Lengths, steps, ranges and defaults are known when the program is compiled: they are made "
        "of numbers, 'const' items and functions of them.",
        "let v = [0; src.width];",
        "let v = [0; 256];",
    ),
    "CPS0502": Entry(
        "this constant has no value",
        "It divides by zero, leaves its type, or chooses an element that is not there.",
        "const N: i32 = 1 / 0;",
        "const N: i32 = 1 / 1;",
    ),
    "CPS0503": Entry(
        "this constant takes too long to compute",
        "All constants of a program together take at most 400,000 steps.",
        "const SUMS: [i64; 999] = [sum(i64(i) * i64(j) for j in 0..99999) for i in 0..999];",
        "let total = sum(i64(i) * i64(j) for j in 0..99999);",
    ),
    "CPS0504": Entry(
        "a constant is defined by itself",
        "Constants may use each other, but not in a circle.",
        "const A: i32 = B; const B: i32 = A;",
        "const A: i32 = 1; const B: i32 = A;",
    ),
    "CPS0505": Entry(
        "a step counts upwards",
        "'step' is a constant of 1 or more.",
        "for i in 8..0 step -1 { … i … }",
        "for j in 0..8 { let i = 7 - j; … }",
    ),
    "CPS0601": Entry(
        "this is not a kernel's parameter",
        "Images are 'in' or 'out', everything else is 'param': numbers, bools and arrays of "
        "numbers.",
        "in level: i32",
        "param level: i32",
    ),
    "CPS0602": Entry(
        "this default is not in its range",
        "Defaults keep the rules that values given by hand must keep.",
        "param n: i32 in 0..=9 = 10",
        "param n: i32 in 0..=9 = 9",
    ),
    "CPS0603": Entry(
        "this is not a range for a parameter",
        "A range has a least and a greatest value of the parameter's type.",
        "param n: i32 in 9..=0",
        "param n: i32 in 0..=9",
    ),
    "CPS0604": Entry(
        "an out image needs a size",
        "Its size must be known before the kernel runs.",
        "out dst: image<u8>",
        "out dst: image<u8>(src.width, src.height)",
    ),
    "CPS0605": Entry(
        "this size cannot be computed before the run",
        "Sizes are made of widths and heights of images, i32 parameters and constants with "
        "+ - * / div_floor min max.",
        "var n = 8; var t: image<u8>(n, n);",
        "let n = 8; var t: image<u8>(n, n);",
    ),
    "CPS0606": Entry(
        "this kernel gives nothing",
        "What a kernel computes goes to its 'out' images.",
        "kernel k(in src: image<u8>) { … }",
        "kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) { … }",
    ),
    "CPS0607": Entry(
        "too many kernels, images or parameters",
        "A program has at most 32 kernels, a kernel at most 20 images and 64 parameters.",
        "kernel k(in a: image<u8>, in b: image<u8>, … 30 images …) { … }",
        "kernel k(in all: image<u8, 3>, out dst: image<u8>(all.width, all.height)) { … }",
    ),
    "CPS0608": Entry(
        "there is no kernel in this file",
        "A file without kernels can be used by others and checked, but there is nothing to run.",
        "fn twice(v: i32) -> i32 { return 2 * v; }",
        "fn twice(v: i32) -> i32 { return 2 * v; }\nkernel k(in src: image<u8>) -> Row { … }",
    ),
    "CPS0701": Entry(
        "this assertion does not fit",
        "assert_eq(a, b), assert_close(a, b, tolerance), assert_between(v, low, high), "
        'assert_hash(image, "hex"), assert_traps(kernel(…)).',
        "assert_eq(out.dst);",
        "assert_eq(out.dst, src);",
    ),
    "CPS0702": Entry(
        "this belongs to tests",
        "Images from nothing and assertions stand in test blocks only.",
        "kernel k(…) { assert_eq(a, b); }",
        'kernel k(…) { require(a == b, "a and b differ"); }',
    ),
    "CPS0703": Entry(
        "a test is a straight line",
        "Tests make images, run kernels and assert. Loops belong to kernels and functions.",
        'test "all" { for i in 0..9 { assert_eq(f(i), i); } }',
        'test "all" { assert_eq([f(i) for i in 0..9], [i for i in 0..9]); }',
    ),
    "CPS0704": Entry(
        "the type of this image is not known",
        "fill, ramp and noise make what their place asks for: a kernel's parameter, the other side "
        "of a comparison, or a declared type.",
        "let src = noise(1, 8, 8);",
        "let src: image<u8> = noise(1, 8, 8);",
    ),
}
