"""What comes out of the compiler: prices, documentation, lines, one byte string a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.diagnostics import CompileError
from compiler.pipeline import Compiled, compile_path, compile_text
from compiler.source import Source
from vm import codec
from vm.module import Kernel, Module, Role
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier import verify
from vm.verifier.structure import claims_of

EXAMPLES = Path(__file__).parents[2] / "examples"


def dither() -> Compiled:
    return compile_path(EXAMPLES / "dither.cps")


def only_kernel(text: str) -> Kernel:
    (kernel,) = compile_text(text).module.kernels
    return kernel


def refusal(text: str) -> CompileError:
    with pytest.raises(CompileError) as caught:
        compile_text(text)
    return caught.value


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("dither", "40·w·h + 2·w + 2·h + 31"),
        ("sobel", "86·w·h + 2·h + 4"),
        ("median3", "150·w·h + 2·h + 4"),
    ],
)
def test_prices_of_the_examples(name: str, most: str) -> None:
    verified = verify(compile_path(EXAMPLES / f"{name}.cps").encoded)
    assert str(verified.kernels[name].cost) == most
    assert verified.kernels[name].checked == 0


def test_dither_carries_one_error_and_looks_back_four_times() -> None:
    (kernel,) = dither().module.kernels
    assert [carry.type for carry in kernel.carries] == [ScalarType.I32]
    offsets = {i.immediates[1:] for i in kernel.code if i.op is Op.CARRY_GET}
    assert offsets == {(-1, 0), (-1, -1), (0, -1), (1, -1)}


def test_the_signature_is_documented() -> None:
    module = dither().module
    (kernel,) = module.kernels
    threshold = next(each for each in kernel.parameters if each.name == "threshold")
    assert (threshold.low, threshold.high, threshold.default) == (0, 255, (128,))
    assert threshold.doc.startswith("Pixels at or above")
    assert kernel.doc
    assert module.doc
    assert [image.role for image in kernel.images] == [Role.IN, Role.OUT]
    assert module.sources[0].name == "dither.cps"
    assert module.sources[0].sha256 == Source.from_path(EXAMPLES / "dither.cps").sha256


def test_every_instruction_has_a_line() -> None:
    (kernel,) = dither().module.kernels
    lines = (EXAMPLES / "dither.cps").read_text().splitlines()
    assert all(1 <= instruction.line <= len(lines) for instruction in kernel.code)
    require = next(i for i in kernel.code if i.op is Op.REQUIRE)
    assert "require" in lines[require.line - 1]


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    text = (EXAMPLES / "hvs.cps").read_text()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "hvs.cps").write_text(text)
    first, second = (compile_path(tmp_path / f / "hvs.cps").encoded for f in ("a", "b"))
    assert first == second
    assert codec.encode(codec.decode(first)) == first


def test_equal_sizes_share_a_dimension() -> None:
    kernel = only_kernel(
        "kernel k(in a: image<u8>, in b: image<u8>(a.width, a.height), "
        "out c: image<u8>(b.width, a.height + 0), out d: image<u8>(a.width + 2, 2 * 3)) {\n"
        "map (x, y) in c { c[x, y] = min(a[x, y], b[x, y]); }\n"
        "map (x, y) in d { d[x, y] = a.wrap[x, y]; }\n}"
    )
    sizes = {image.name: (image.width, image.height) for image in kernel.images}
    assert sizes["a"] == sizes["b"] == sizes["c"] == (0, 1)
    assert len(kernel.dimensions) == 4


def test_scans_share_carries() -> None:
    scan = (
        "scan (x, y) in a { let v = i32(a[x, y]) + r[x, y]; r.drop[x + 1, y] += v; "
        "d[x, y] = wrap_u8(v); }\n"
    )
    kernel = only_kernel(
        "kernel k(in a: image<u8>, out d: image<u8>(a.width, a.height)) {\n"
        f"var r: rows<i32, 1>(a.width);\n{scan}{scan}}}"
    )
    assert len(kernel.carries) == 1


def test_a_loop_carries_a_claim_where_it_helps() -> None:
    kernel = only_kernel(
        "kernel k(in a: image<i32>, out d: image<i32>(a.width, a.height)) {\n"
        "var at = 0;\n"
        "for i in 0..a.width { if a[i, 0] > 3 { at = i; } }\n"
        "d[at, 0] = 1;\n}"
    )
    (loop,) = (i for i in kernel.code if i.op is Op.FOR)
    (claim,) = claims_of(loop)
    assert (claim.low, claim.dimension, claim.offset) == (0, 0, -1)
    store = next(i for i, each in enumerate(kernel.code) if each.op is Op.STORE)
    verified = verify(codec.encode(Module((kernel,))))
    assert store in verified.kernels["k"].facts.proved


def test_a_loop_without_a_bound_is_refused_at_its_line() -> None:
    error = refusal(
        "kernel k(in a: image<i32>, out d: image<i32>(a.width, a.height)) {\n"
        "    for i in 0..a[0, 0] { d.drop[i, 0] = 1; }\n}"
    )
    (diagnostic,) = error.diagnostics
    assert diagnostic.code == "CPS0803"
    assert diagnostic.span is not None
    assert diagnostic.span.line == 2


def test_too_many_images_are_refused() -> None:
    images = "".join(f"var t{i}: image<u8>(a.width, 1); t{i}[0, 0] = a[0, 0];\n" for i in range(20))
    error = refusal(
        f"kernel k(in a: image<u8>, out d: image<u8>(a.width, a.height)) {{\n{images}}}"
    )
    assert error.diagnostics[0].code == "CPS0801"


def test_inlining_has_an_end() -> None:
    functions = "fn f0(v: i32) -> i32 { return v * 3; }\n" + "".join(
        f"fn f{i}(v: i32) -> i32 {{ return f{i - 1}(v) + f{i - 1}(v + 1); }}\n"
        for i in range(1, 22)
    )
    error = refusal(
        functions
        + "kernel k(in a: image<i32>, out d: image<i32>(1, 1)) { d[0, 0] = f21(a[0, 0]); }"
    )
    assert error.diagnostics[0].code == "CPS0801"


def test_floats_in_a_long_loop_cannot_go_to_rows() -> None:
    error = refusal(
        "kernel k(in a: image<f32>, out d: image<f32>(a.width, a.height)) {\n"
        "    var r: rows<f32, 2>(a.width);\n"
        "    scan (x, y) in a {\n        d[x, y] = r[x, y];\n"
        "        for i in 0..a.height { r[x, y + 1] += a[x, y]; }\n    }\n}"
    )
    assert error.diagnostics[0].code == "CPS0807"
    assert error.diagnostics[0].span is not None
    assert error.diagnostics[0].span.line == 5


def test_line_spans_leave_the_indentation_out() -> None:
    source = Source.from_text("t", "a\n    bcd  \r\n\n")
    assert source.line_span(2).text == "bcd"


def test_text_in_a_module_is_fit_to_be_shown() -> None:
    kernel = only_kernel(
        "/// One\u202e line.\n"
        "kernel k(in a: image<u8>, out d: image<u8>(a.width, a.height)) {\n"
        '    require(a.width > 1, "two\\nlines");\n'
        "    map (x, y) in d { d[x, y] = a[x, y]; }\n}"
    )
    assert kernel.doc == "One line."
    assert kernel.texts == ("two lines",)
