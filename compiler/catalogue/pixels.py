"""Loops over pixels: diagnostics CPS0200 and on."""

from __future__ import annotations

from compiler.catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "CPS0211": Entry(
        "the body of a loop over pixels assigns nothing outside of it",
        "A map visits pixels in no order, and a scan carries nothing but rows, so that every pixel "
        "says by itself what it depends on. Totals are reductions.",
        "var n = 0; map (x, y) in src { n += i32(src[x, y]); }",
        "let n = sum(i32(src[x, y]) for (x, y) in src);",
    ),
    "CPS0212": Entry(
        "a loop over pixels writes only at its own pixel",
        "Each pixel of an output is written by the visit to it: write there, and read from where "
        "the value comes. In a scan, 'rows' carry values to pixels to come.",
        "dst[x + 1, y] = src[x, y];",
        "dst[x, y] = src.clamp[x - 1, y];",
    ),
    "CPS0213": Entry(
        "these images are not provably of one size",
        "What a loop over pixels writes must be as large as what it goes over. Sizes are compared "
        "as they are declared.",
        "var t: image<u8>(8, 8); map (x, y) in src { t[x, y] = src[x, y]; }",
        "var t: image<u8>(src.width, src.height); map (x, y) in src { t[x, y] = src[x, y]; }",
    ),
    "CPS0214": Entry(
        "loops over pixels do not nest",
        "Inside of a map or scan, neighbours are visited with 'for' or a reduction. Images and "
        "rows are declared before the loop.",
        "map (x, y) in dst { map (u, v) in src { … } }",
        "map (x, y) in dst { dst[x, y] = max(src[u, v] for (u, v) in src); }",
    ),
    "CPS0215": Entry(
        "this image cannot be written",
        "'in' images are only read. Results go to 'out' images, what is needed in between to "
        "images of the kernel's own.",
        "src[x, y] = 0;",
        "dst[x, y] = 0;",
    ),
    "CPS0216": Entry(
        "a scan reads an image that it writes only at pixels gone by",
        "A pixel to come is not written yet. Pixels gone by are read at constant offsets: to the "
        "left on this line, anywhere near on the lines above.",
        "dst[x, y] = max(src[x, y], dst.zero[x + 1, y]);",
        "dst[x, y] = max(src[x, y], dst.zero[x - 1, y]);",
    ),
    "CPS0217": Entry(
        "an image that a scan writes is read through .zero or .or(v)",
        "Other borders would lead from the edge to pixels that the scan has yet to write.",
        "dst[x, y] = max(src[x, y], dst.clamp[x - 1, y]);",
        "dst[x, y] = max(src[x, y], dst.zero[x - 1, y]);",
    ),
    "CPS0221": Entry(
        "rows are read only at the pixel the scan is at",
        "Rows hold what earlier pixels have added to this one.",
        "let e = err[x - 1, y];",
        "let e = err[x, y];",
    ),
    "CPS0223": Entry(
        "rows only add up",
        "Several pixels contribute to one, so a contribution is added or subtracted, never set.",
        "err[x, y + 1] = e;",
        "err[x, y + 1] += e;",
    ),
    "CPS0224": Entry(
        "this is not a constant offset",
        "Rows are addressed at constant offsets from the pixel the scan is at: x + d, x - 2 * d, "
        "y + 1. That is what makes every access provably inside and the loop fast.",
        "err.drop[x + n, y] += e;",
        "err.drop[x + d, y] += e;",
    ),
    "CPS0225": Entry(
        "this addition comes too late",
        "A contribution goes to a pixel that the scan has yet to reach: ahead on this line, or "
        "anywhere on a later one.",
        "err.drop[x - d, y] += e;",
        "err.drop[x - d, y + 1] += e;",
    ),
    "CPS0226": Entry(
        "this addition may fall outside of the image",
        "At the end of a line there is no pixel ahead. '.drop' says that what falls outside is "
        "dropped.",
        "err[x + d, y] += e;",
        "err.drop[x + d, y] += e;",
    ),
    "CPS0227": Entry(
        "a serpentine scan counts along its direction",
        "On odd lines the scan goes from right to left, so x + 1 lies behind it. The direction d "
        "is 1 or -1: x + d is always ahead.",
        "scan (x, y) in src by serpentine(true) { err.drop[x + 1, y] += 1; }",
        "scan (x, y, d) in src by serpentine(true) { err.drop[x + d, y] += 1; }",
    ),
    "CPS0228": Entry(
        "this reaches further than the rows",
        "rows<T, K> hold the lines y to y + K - 1, and at most 64 pixels to each side.",
        "var err: rows<i32, 2>(w); … err[x, y + 2] += e;",
        "var err: rows<i32, 3>(w); … err[x, y + 2] += e;",
    ),
    "CPS0229": Entry(
        "these rows cannot be used here",
        "Rows belong to a scan over an image that is as wide as they are.",
        "var err: rows<i32, 2>(dst.width);\nmap (x, y) in src { … err[x, y] … }",
        "var err: rows<i32, 2>(src.width);\nscan (x, y, d) in src { … err[x, y] … }",
    ),
    "CPS0231": Entry(
        "this loop-carried read makes 'map' depend on its order",
        "A map may visit its pixels in any order, also several at once, so it cannot read what it "
        "writes: a pixel might see its neighbour's old or new value.",
        "map (x, y) in dst { dst[x, y] = dst.zero[x - 1, y]; }",
        "scan (x, y) in dst { dst[x, y] = u8(acc[x, y]); acc.drop[x + 1, y] += 1; }",
    ),
    "CPS0233": Entry(
        "this range is empty",
        "A warning. a..b counts upwards from a to below b.",
        "for i in 8..0 { … i … }",
        "for j in 0..8 { let i = 7 - j; … }",
    ),
    "CPS0234": Entry(
        "this is not an order of a scan",
        "A scan goes by raster (line by line, left to right), by serpentine(flag), by columns, or "
        "in reverse (from the last pixel to the first).",
        "scan (x, y) in src by zigzag { … }",
        "scan (x, y, d) in src by serpentine(true) { … }",
    ),
    "CPS0235": Entry(
        "this belongs to a 'for'",
        "'break' leaves the innermost 'for', 'continue' goes on with its next trip. A map or scan "
        "visits every pixel, and a reduction every value.",
        "map (x, y) in dst { if x > 9 { break; } … }",
        "for i in 0..n { if v[i] == 0 { break; } … }",
    ),
}
