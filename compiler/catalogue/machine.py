"""What goes beyond the machine, and tests that fail: found once a program is checked."""

from __future__ import annotations

from compiler.catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "CPS0710": Entry(
        "a test failed",
        "The assertion does not hold, or a kernel trapped. Every test runs in every engine, and "
        "they must agree to the bit.",
        "assert_eq(sqrt(2.0) * sqrt(2.0), 2.0);",
        "assert_close(sqrt(2.0) * sqrt(2.0), 2.0, 1e-15);",
    ),
    "CPS0801": Entry(
        "the kernel is too large",
        "Calls are copied wherever they stand, and a kernel has at most 16,384 instructions, "
        "20 images and 20 sizes. Loops keep code small.",
        "let v = [f(0, x), f(1, x), f(2, x), … 500 calls …];",
        "let v = [f(i, x) for i in 0..500];",
    ),
    "CPS0802": Entry(
        "the kernel nests too deeply",
        "Calls are copied into the expressions that make them: calls within deep expressions, many "
        "times over, nest too deeply.",
        "f(f(f(f(f(… f is a long function …)))))",
        "let a = f(v);\nlet b = f(a);",
    ),
    "CPS0803": Entry(
        "this loop may run without a bound",
        "The price of a kernel is computed before it runs, so the number of trips of every loop "
        "needs a bound made of sizes, constants and parameters that have a range.",
        "for i in 0..src[0, 0] { … }",
        "for i in 0..min(src[0, 0], 64) { … }",
    ),
    "CPS0804": Entry(
        "the price of the kernel is too complicated",
        "A price has at most 256 terms and degree 8. Fewer loops within each other, or fewer with "
        "different bounds, make it simpler.",
        "for i in 0..n { for j in 0..m { for k in 0..p { … nine loops deep … } } }",
        "for i in 0..n { for j in 0..m { … } }",
    ),
    "CPS0805": Entry(
        "the size of an input must be another input's, or its own",
        "Inputs come as they are. That two of them are of one size can be demanded; other sizes "
        "cannot.",
        "in b: image<u8>(a.width + 1, a.height)",
        "in b: image<u8>(a.width, a.height)",
    ),
    "CPS0806": Entry(
        "this addition reaches too far",
        "Rows reach 64 pixels along the line and 16 lines down.",
        "err[x + 80 * d, y + 1] += e;",
        "err.drop[x + 64 * d, y + 1] += e;",
    ),
    "CPS0807": Entry(
        "a loop that adds floats to rows is too long",
        "Float additions keep their order, so each needs a place of its own: loops around them are "
        "written out, which needs a constant number of trips, 32 at most.",
        "for i in 0..n { err.drop[x + i * d, y + 1] += e * w[i]; }",
        "for i in 0..5 { err.drop[x + i * d, y + 1] += e * w[i]; }",
    ),
    "CPS0808": Entry(
        "this access is checked while the kernel runs",
        "Nothing shows that the index stays inside, so every access is checked, and traps if it "
        "does not. Proofs are made of sizes, bounds of loops, constants, ranges of parameters, "
        "min, max, % and what 'require' says outside of loops; the condition of an 'if' proves "
        "nothing.",
        "map (x, y) in dst { dst[x, y] = src[x + 1, y]; }",
        "map (x, y) in dst { dst[x, y] = src.clamp[x + 1, y]; }",
    ),
}
