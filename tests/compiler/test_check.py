"""From programs to the typed tree: types, generics, constants, offsets, sizes."""

from __future__ import annotations

import pytest

from compiler import typed
from compiler.check.program import check_program
from compiler.diagnostics import CompileError
from compiler.source import Source
from compiler.symbols import (
    Image,
)
from compiler.types import F32, F64, I32, ArrayType, ScalarType
from vm.module import Border, Reduction
from vm.opcodes import Op

U8 = ScalarType.U8
HEAD = "kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)"


def program(text: str) -> typed.TypedProgram:
    return check_program(Source.from_text("a.cps", text))


def kernel(body: str, parameters: str = "", before: str = "") -> typed.Kernel:
    return program(f"{before}\n{HEAD}{parameters}) {{\n{body}\n}}\n").kernels[0]


def value(text: str, type_: str = "i32", before: str = "") -> object:
    """The value of a constant: what the language says an expression is."""
    found = kernel(
        f"let v = [VALUE][0]; {COPY}", before=f"{before}\nconst VALUE: {type_} = {text};"
    )
    declared = found.body[0]
    assert isinstance(declared, typed.Declare)
    if isinstance(declared.value, typed.ConstantArray):
        return declared.value.values
    assert isinstance(declared.value, typed.Literal)
    return declared.value.value


def codes(text: str) -> list[str]:
    with pytest.raises(CompileError) as caught:
        program(text)
    return [each.code for each in caught.value.diagnostics]


def wrong(body: str, parameters: str = "", before: str = "") -> list[str]:
    return codes(f"{before}\n{HEAD}{parameters}) {{\n{body}\n}}\n")


COPY = "map (x, y) in dst { dst[x, y] = src[x, y]; }"


def first_write(found: typed.Kernel) -> typed.PixelWrite:
    for each in found.body:
        if isinstance(each, typed.Map | typed.Scan):
            for inner in each.body:
                if isinstance(inner, typed.PixelWrite):
                    return inner
    raise AssertionError("nothing is written")


# Literals and operators.


def test_literals_take_the_type_of_their_place() -> None:
    write = first_write(kernel("map (x, y) in dst { dst[x, y] = if x > 3 { 255 } else { 0 }; }"))
    assert isinstance(write.value, typed.Select)
    assert write.value.type is U8
    assert write.value.then == typed.Literal(255, U8, write.value.then.span)


@pytest.mark.parametrize(
    ("text", "type_", "expected"),
    [
        ("2 + 3 * 4", "i32", 14),
        ("-7 / 2", "i32", -3),
        ("-7 % 2", "i32", -1),
        ("div_floor(-7, 2)", "i32", -4),
        ("mod_floor(-7, 2)", "i32", 1),
        ("div_round(7, 2)", "i32", 4),
        ("1 << 4 | 3", "i32", 19),
        ("~0", "i32", -1),
        ("~0", "u32", 2**32 - 1),
        ("-2147483648", "i32", -(2**31)),
        ("4294967295 + 1", "u32", 0),
        ("100 + 55", "u8", 155),
        ("512 / 4", "u8", 128),
        ("min(3, 4) + max(3, 4) + abs(-2)", "i32", 9),
        ("if 3 > 2 { 10 } else { 20 }", "i32", 10),
        ("i32(2.9)", "i32", 2),
        ("sat_u8(300)", "u8", 255),
        ("wrap_u8(-1)", "u8", 255),
        ("u8(255)", "u8", 255),
        ("i32(true)", "i32", 1),
        ("1", "f32", 1.0),
        ("1 / 4", "f64", 0.25),
        ("0.1", "f32", 0.10000000149011612),
        ("sqrt(2.0)", "f64", 2**0.5),
        ("floor(-1.5) + ceil(-1.5) + trunc(-1.5) + round(2.5)", "f64", -2.0),
        ("bits_u64(1.0)", "u64", 0x3FF0000000000000),
        ("bits_f32(u32(0x40490fdb))", "f32", 3.1415927410125732),
        ("-inf", "f64", float("-inf")),
        ("3 < 4 && !(2 == 3) || false", "bool", True),
        ("true ^ true", "bool", False),
    ],
)
def test_constant_values(text: str, type_: str, expected: object) -> None:
    found = value(text, type_)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 2, 3]", (1, 2, 3)),
        ("[7; 3]", (7, 7, 7)),
        ("[i * i for i in 1..4]", (1, 4, 9)),
        ("[i for i in -1..=1]", (-1, 0, 1)),
        ("[1, 2, 3] + [10, 20, 30]", (11, 22, 33)),
        ("[1, 2, 3] * 2", (2, 4, 6)),
        ("2 * [1, 2, 3] - [1, 1, 1]", (1, 3, 5)),
        ("[sum(i * j for j in 0..4) for i in 0..3]", (0, 6, 12)),
        ("[count(j > i for j in 0..5) for i in 0..3]", (4, 3, 2)),
        ("[argmin(abs(j - 3) for j in 0..9).at, max(j % 4 for j in 0..9), 0]", (3, 3, 0)),
        ("squares(3)", (0, 1, 4)),
    ],
)
def test_constant_arrays(text: str, expected: object) -> None:
    before = """
fn squares(n: i32) -> [i32; 3] {
    var v = [0; 3];
    for i in 0..n { if i > 0 { v[i] = i; v[i] *= i; } }
    require(n == 3, "three");
    return v;
}
"""
    found = kernel(f"let v = VALUES; {COPY}", before=f"{before}const VALUES: [i32; 3] = {text};")
    declared = found.body[0]
    assert isinstance(declared, typed.Declare)
    assert isinstance(declared.value, typed.ConstantArray)
    assert declared.value.values == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1 / 0", "CPS0502"),
        ("2147483647 + 1", "CPS0502"),
        ("u8(6) + u8(0)", "CPS0302"),
        ("i32(u8(i32(300) + 0))", "CPS0502"),
        ("[1, 2][2]", "CPS0312"),
        ("min(i for i in 0..0)", "CPS0502"),
        ("4294967296", "CPS0305"),
        ("1.5", "CPS0301"),
        ("true", "CPS0301"),
        ("sqrt(4)", "CPS0304"),
        ("i32(1.0 % 2.0)", "CPS0304"),
        ("-u32(1)", "CPS0304"),
        ("OTHER", "CPS0121"),
    ],
)
def test_constants_without_a_value(text: str, code: str) -> None:
    assert codes(f"const A: i32 = {text};") == [code]


def test_what_would_trap_or_wrap_is_left_to_run_time() -> None:
    found = kernel(f"let v = 2147483647 + 1; let w = 1 / 0; {COPY}")
    for declared in found.body[:2]:
        assert isinstance(declared, typed.Declare)
        assert isinstance(declared.value, typed.Binary)


def test_op_assignment_reads_and_writes() -> None:
    found = kernel(f"var v = [1, 2]; v[src.width % 2] += 3; {COPY}")
    assign = found.body[1]
    assert isinstance(assign, typed.AssignElement)
    assert isinstance(assign.value, typed.Binary)
    assert assign.value.op is Op.ADD
    assert isinstance(assign.value.left, typed.Index)


# Pixels.


@pytest.mark.parametrize(
    ("read", "border"),
    [
        ("src[x, y]", Border.INSIDE),
        ("src.clamp[x, y]", Border.CLAMP),
        ("src.mirror[x, y]", Border.MIRROR),
        ("src.reflect101[x, y]", Border.REFLECT101),
        ("src.wrap[x, y]", Border.WRAP),
        ("src.zero[x, y]", Border.ZERO),
        ("src.or(7)[x, y]", Border.ZERO),
        ("named[x, y]", Border.MIRROR),
    ],
)
def test_borders(read: str, border: Border) -> None:
    found = kernel(f"let named = src.mirror; map (x, y) in dst {{ dst[x, y] = {read}; }}")
    pixel = first_write(found).value
    assert isinstance(pixel, typed.PixelRead)
    assert pixel.border is border
    assert (pixel.fill is not None) == (".or" in read)


def test_colour_pixels_are_arrays() -> None:
    text = """
kernel k(in src: image<u8, 3>, out dst: image<u8, 3>(src.width, src.height)) {
    map (x, y) in dst {
        let linear = f32(src[x, y]) * 0.5;
        dst[x, y] = u8(linear);
    }
    map (x, y) in dst { dst[x, y][1] = src[x, y][2]; }
}
"""
    first, second = program(text).kernels[0].body
    assert isinstance(first, typed.Map)
    assert isinstance(second, typed.Map)
    declared, write = first.body
    assert isinstance(declared, typed.Declare)
    assert declared.local.type == ArrayType(F32, 3)
    assert isinstance(write, typed.PixelWrite)
    assert write.channel is None
    assert isinstance(write.value, typed.Convert)
    (one,) = second.body
    assert isinstance(one, typed.PixelWrite)
    assert one.channel == 1
    assert isinstance(one.value, typed.Index)


def test_pixels_may_be_written_outside_of_loops() -> None:
    found = kernel("for i in 0..src.width { dst[i, 0] = src[i, 0]; dst.drop[i, 9] = 1; }")
    (loop,) = found.body
    assert isinstance(loop, typed.For)
    writes = [each for each in loop.body if isinstance(each, typed.PixelWrite)]
    assert [(each.here, each.drop) for each in writes] == [(False, False), (False, True)]


@pytest.mark.parametrize(
    ("target", "offset"),
    [
        ("err.drop[x + d, y]", (1, 0, True)),
        ("err.drop[x + 2 * d, y]", (2, 0, True)),
        ("err.drop[d * 3 + x, y]", (3, 0, True)),
        ("err.drop[x - d, y + 1]", (-1, 1, True)),
        ("err[x, y + 1]", (0, 1, False)),
        ("err.drop[x + d, 2 + y]", (1, 2, True)),
        ("err.drop[x - (d - 3 * d), y]", (2, 0, True)),
        ("err[x, y + LINES]", (0, 2, False)),
    ],
)
def test_offsets_of_rows(target: str, offset: tuple[int, int, bool]) -> None:
    body = f"""
    var err: rows<i32, 3>(src.width);
    scan (x, y, d) in src by serpentine(true) {{
        dst[x, y] = sat_u8(err[x, y]);
        {target} -= 5;
    }}"""
    scan = kernel(body, before="const LINES: i32 = 2;").body[1]
    assert isinstance(scan, typed.Scan)
    add = scan.body[1]
    assert isinstance(add, typed.RowsAdd)
    assert (add.ahead, add.down, add.drop) == offset
    assert add.negate


def test_raster_scans_may_count_to_the_right() -> None:
    body = """
    var err: rows<f32, 2>(src.width);
    scan (x, y) in src {
        dst[x, y] = u8(err[x, y]);
        if x > 3 { err.drop[x + 1, y] += 0.5; }
    }"""
    scan = kernel(body).body[1]
    assert isinstance(scan, typed.Scan)
    assert scan.serpentine is None
    choice = scan.body[1]
    assert isinstance(choice, typed.If)
    add = choice.then[0]
    assert isinstance(add, typed.RowsAdd)
    assert (add.ahead, add.down, add.negate) == (1, 0, False)


@pytest.mark.parametrize(
    ("order", "turns"),
    [("", 0), ("by raster", 0), ("by serpentine(false)", 0), ("by serpentine(true)", 1)],
)
def test_orders(order: str, turns: int) -> None:
    (scan,) = kernel(f"scan (x, y, d) in src {order} {{ dst[x, y] = src[x, y]; }}").body
    assert isinstance(scan, typed.Scan)
    assert (scan.serpentine is not None) == bool(turns)


def test_a_function_that_reads_what_a_map_writes_is_found() -> None:
    before = "fn at(a: image<u8>, x: i32, y: i32) -> u8 { return a.clamp[x, y]; }"
    assert wrong("map (x, y) in dst { dst[x, y] = at(dst, x - 1, y); }", before=before) == [
        "CPS0231"
    ]


def test_a_function_over_pixels_is_not_called_for_each_pixel() -> None:
    before = """
fn total(a: image<u8>) -> i32 { return sum(i32(a[x, y]) for (x, y) in a); }
fn copied(a: image<u8>) -> i32 {
    var t: image<u8>(a.width, a.height);
    map (x, y) in t { t[x, y] = a[x, y]; }
    return i32(t[0, 0]);
}"""
    assert kernel("map (x, y) in dst { dst[x, y] = sat_u8(total(src)); }", before=before)
    for body in ("map (x, y) in dst { dst[x, y] = sat_u8(copied(src)); }",
                 f"let s = sum(copied(src) for i in 0..3); {COPY}"):  # fmt: skip
        assert wrong(body, before=before) == ["CPS0214"]


# Reductions.


def test_reductions() -> None:
    body = f"""
    let a = argmax(src[i, 0] for i in 0..src.width);
    let b = argmin(i32(src[u, v]) for (u, v) in src);
    let c = a.at + b.x + b.y + b.value + i32(a.value);
    {COPY}"""
    found = kernel(body)
    first, second = found.body[:2]
    assert isinstance(first, typed.Declare)
    assert isinstance(first.value, typed.Reduce)
    assert first.value.kind is Reduction.ARGMAX
    assert str(first.local.type) == "place of a u8"
    assert isinstance(second, typed.Declare)
    assert isinstance(second.value, typed.Reduce)
    assert isinstance(second.value.domain, Image)
    assert wrong(f"let a = argmax(src[i, 0] for i in 0..3).x; {COPY}") == ["CPS0127"]
    assert wrong(f"let a = sum(src[i, 0] for i in 0..3); {COPY}") == ["CPS0302"]
    assert wrong(f'require(1 == 1 for i in 0..3, "no"); {COPY}')[0] in ("CPS0413", "CPS0104")


# Generics.


def test_generic_instances_are_made_once() -> None:
    text = """
fn sq<T: num>(v: T) -> T { return v * v; }
fn ones<const N: i32>() -> [f32; N] { return [1.0; N]; }
""" + HEAD + """) {
    let a = sq(2) + sq(3) + sq(src.width);
    let b = sq(2.0) + sq(f64(a));
    let c: f32 = sq(0.5);
    let d: [f32; 4] = ones();
    let e: [f32; 4] = ones();
    let f: [f32; 5] = ones();
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
"""  # fmt: skip
    found = program(text)
    assert [each.label for each in found.functions] == [
        "sq<i32>", "sq<f64>", "sq<f32>", "ones<4>", "ones<5>",
    ]  # fmt: skip
    calls = [each.value for each in found.kernels[0].body[3:5] if isinstance(each, typed.Declare)]
    assert isinstance(calls[0], typed.Call)
    assert isinstance(calls[1], typed.Call)
    assert calls[0].function is calls[1].function


def test_generics_from_images_and_arrays() -> None:
    before = """
fn at<T: num, const C: i32>(a: image<T, C>, k: [T; C]) -> [T; C] { return a[0, 0]; }
"""
    text = (
        before
        + """
kernel k(in src: image<u8, 3>, out dst: image<u8, 3>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = at(src, [1, 2, 3]); }
}
"""
    )
    assert [each.label for each in program(text).functions] == ["at<u8, 3>"]
    assert codes(text.replace("[1, 2, 3]", "[1, 2]")) == ["CPS0301"]


def test_recursion_is_refused_also_around_a_corner() -> None:
    text = "fn a(n: i32) -> i32 { return b(n); }\nfn b(n: i32) -> i32 { return a(n); }\n"
    assert codes(text) == ["CPS0403"]


def test_instances_are_bounded() -> None:
    calls = "\n".join(f"let a{i}: [f32; {i}] = ones();" for i in range(1, 300))
    before = "fn ones<const N: i32>() -> [f32; N] { return [1.0; N]; }"
    assert wrong(calls + COPY, before=before) == ["CPS0409"]
    chain = "\n".join(f"fn f{i}() -> i32 {{ return f{i + 1}(); }}" for i in range(200))
    assert codes(chain + "\nfn f200() -> i32 { return 1; }") == ["CPS0409"]


# Items.


def test_types_of_the_whole_tree_are_known() -> None:
    """No poison is left in a finished tree."""
    text = HEAD + ") { let a = f64(src.width) / 2.0; let b = i32(a); " + COPY + " }"
    for each in program(text).kernels[0].body:
        if isinstance(each, typed.Declare):
            assert each.value.type in (F64, I32)
            assert each.value.span.text


def test_named_constants_of_other_items_come_in_any_order() -> None:
    assert value("B * 2", before="const B: i32 = C + 1; const C: i32 = 4;") == 10


def test_errors_in_one_item_do_not_hide_those_of_the_next() -> None:
    text = "fn a() -> i32 { return true; }\nfn b() -> i32 { return one; }\nconst C: i32 = 1.5;\n"
    assert codes(text) == ["CPS0301", "CPS0121", "CPS0301"]


def test_one_mistake_is_reported_once() -> None:
    body = f"let a = unknown; let b = a + 1; let c = [b; 3]; var d = c[0] * 2; d += a; {COPY}"
    assert wrong(body) == ["CPS0121"]
    assert wrong(f"let s = srcc.clamp; map (x, y) in dst {{ dst[x, y] = s[x, y]; }} {COPY}") == [
        "CPS0121"
    ]


def test_a_call_of_a_function_with_a_broken_signature_adds_nothing() -> None:
    before = "fn f(a: image<f16>, out b: image<u8>) { map (x, y) in b { b[x, y] = 1; } }"
    assert wrong("f(src, dst);", before=before) == ["CPS0126"]
