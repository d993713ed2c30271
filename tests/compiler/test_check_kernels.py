"""Signatures of kernels: parameters, and sizes that are compared as they are declared."""

from __future__ import annotations

import pytest

from compiler import typed
from compiler.symbols import (
    Axis,
    ExtentBinary,
    ExtentConstant,
    ExtentDimension,
    ExtentParameter,
    ImageRole,
)
from compiler.types import F32, I32, ArrayType, ImageType, ScalarType
from tests.compiler.test_check import COPY, kernel, program, wrong
from vm.opcodes import Op

U8 = ScalarType.U8


def test_signature() -> None:
    found = kernel(
        COPY,
        """,
    /// How bright.
    param level: i32 in 0..=255 = 128,
    param gain: f32 in 0.5..=2.0 = 1.0,
    param on: bool = true,
    param weights: [i32; 4] in 0..1024 = [7, 3, 5, 1],
    param seed: u64,
""",
    )
    level, gain, on, weights, seed = found.parameters
    assert (level.low, level.high, level.default, level.doc) == (0, 255, (128,), "How bright.")
    assert (gain.low, gain.high, gain.type) == (0.5, 2.0, F32)
    assert (on.low, on.default) == (None, (True,))
    assert (weights.high, weights.default, weights.type) == (1023, (7, 3, 5, 1), ArrayType(I32, 4))
    assert seed.default == ()
    assert [each.name for each in found.inputs] == ["src"]
    assert [each.role for each in found.outputs] == [ImageRole.OUT]


def test_sizes_are_canonical() -> None:
    text = """
kernel k(
    in b: image<u8>(a.width, a.height),
    in a: image<f32>,
    out c: image<u8>(b.width * scale, div_floor(b.height + 1, 2)),
    out d: image<u8>(c.width, (a.height - 1) / 2 + 8 / 2),
    param scale: i32 in 1..=4 = 2,
) {
    let w = b.width;
    var t: image<u8>(w, b.height);
    map (x, y) in a { t[x, y] = b[x, y]; }
}
"""
    found = program(text).kernels[0]
    b, a, c, d = found.images
    width, height = ExtentDimension(a, Axis.WIDTH), ExtentDimension(a, Axis.HEIGHT)
    assert (a.width, a.height) == (None, None)
    assert (b.width, b.height) == (width, height)
    assert c.width == ExtentBinary(Op.MUL, width, ExtentParameter(found.parameters[0]))
    one = ExtentConstant(1)
    halves = ExtentBinary(Op.DIV_FLOOR, ExtentBinary(Op.ADD, height, one), ExtentConstant(2))
    assert c.height == halves
    assert d.width == c.width
    declared = found.body[0 if isinstance(found.body[0], typed.DeclareImage) else 1]
    assert isinstance(declared, typed.DeclareImage)
    assert (declared.image.width, declared.image.height) == (width, height)
    assert declared.image.type == ImageType(U8)


@pytest.mark.parametrize(
    "size",
    [
        "src.width - 9 / n, 1",
        "(src.width - 5) / 2, 1",
        "i32(src[0, 0]), 1",
        "0, 1",
        "1048577, 1",
        "3",
        "src.width / 0, 1",
        "f32(1.0), 1",
    ],
)
def test_sizes_that_cannot_be(size: str) -> None:
    body = f"var t: image<u8>({size}); {COPY}"
    found = wrong(body, ", param n: i32 in 0..=3 = 1")
    assert set(found) <= {"CPS0605", "CPS0301"}


def test_equal_sizes_are_demanded_of_arguments() -> None:
    before = """
fn copy(a: image<u8>, out b: image<u8>(a.width, a.height)) {
    map (x, y) in a { b[x, y] = a[x, y]; }
}
"""
    assert kernel("copy(src, dst);", before=before)
    body = "var t: image<u8>(src.height, src.width); copy(src, t); copy(src, dst);"
    assert wrong(body, before=before) == ["CPS0213"]


def test_sizes_made_of_names_of_names_are_bounded() -> None:
    lets = "let n0 = src.width;" + "".join(f"let n{i + 1} = n{i} + n{i};" for i in range(60))
    assert set(wrong(f"{lets} var t: image<u8>(n60, n60); {COPY}")) == {"CPS0605"}
    assert kernel(f"{lets} var t: image<u8>(n3, n3 + n3); {COPY}")
