"""What floats can be: spans hold, and what they save is saved only where they do."""

from __future__ import annotations

from math import isqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.pipeline import compile_text
from tests.jit import inprocess
from vm import interp, parameters
from vm.bits import float_to_bits
from vm.jit.lower import lower, spans
from vm.jit.lower.value import Value, constant
from vm.opcodes import Op
from vm.scalar import MEANING
from vm.types import ScalarType
from vm.verifier import verify

F32, F64 = ScalarType.F32, ScalarType.F64
BINARY = (Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.MIN, Op.MAX)
UNARY = (Op.NEG, Op.ABS, Op.SQRT, Op.FLOOR, Op.CEIL, Op.TRUNC, Op.NEAREST)
NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32)


def between(a: float, b: float) -> Value:
    return Value(F32, "%v", span=(min(a, b), max(a, b)))


@given(st.sampled_from(BINARY + UNARY), st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(0, 1)),
                                                min_size=2, max_size=2))  # fmt: skip
def test_results_lie_in_their_span(
    op: Op, given_operands: list[tuple[float, float, float]]
) -> None:
    operands = given_operands[: 1 if op in UNARY else 2]
    span = spans.result(op, F32, *(between(a, b) for a, b, _ in operands))
    if span is not None:
        inner = [
            float(np.clip(np.float32(a + (b - a) * t), min(a, b), max(a, b)))
            for a, b, t in operands
        ]
        assert span[0] <= float(MEANING[op](F32, *inner)) <= span[1]


def test_what_may_be_no_number_has_no_span() -> None:
    unknown, zero, large = Value(F32, "%v"), between(-1, 1), between(0, 3e38)
    nan = constant(F32, float_to_bits(F32, float("nan")))
    assert spans.result(Op.ADD, F32, unknown, zero) is None
    assert spans.result(Op.ADD, F32, nan, zero) is None
    assert spans.result(Op.ADD, F32, large, large) is None
    assert spans.result(Op.DIV, F32, zero, zero) is None
    assert spans.result(Op.SQRT, F32, zero) is None
    assert spans.result(Op.ABS, F32, between(-2, 1)) == (0, 2)
    assert spans.of_elements(F32, (0, float_to_bits(F32, float("inf")))) is None


def test_roots_of_small_integers_are_whole_alike_in_f32() -> None:
    squares = np.arange(4097, dtype=np.int64) ** 2
    n = np.concatenate([squares, squares - 1, squares + 1])
    n = n[(n >= 0) & (n < spans.ROOTS_IN_F32)]
    found = np.sqrt(n.astype(np.float32)).astype(np.int32)
    assert found.tolist() == [isqrt(int(number)) for number in n]


SOURCE = """
kernel known(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = i32(f32(src[x, y]) * 2.5 - 7.0); }
}
kernel unknown(in src: image<f32>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = i32(src[x, y]); }
}
kernel too_large(in src: image<u16>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = u8(f32(src[x, y])); }
}
kernel root(in src: image<u16>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = i32(sqrt(f64(i32(src[x, y]) * 200))); }
}
kernel large_root(in src: image<u16>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = i32(sqrt(f64(i32(src[x, y]) * 300))); }
}
kernel through(in src: image<u8>, out dst: image<f32>(src.width, src.height)) {
    var a: image<f32>(src.width, src.height);
    map (x, y) in a { a[x, y] = f32(src[x, y]) / 255.0; }
    map (x, y) in dst { dst[x, y] = a.clamp[x + 1, y] * 3.0; }
}
kernel again(
    in  src: image<f32>,
    out dst: image<f32>(src.width, src.height),
    param n: i32 in 1..=9 = 2,
) {
    var a: image<f32>(src.width, src.height);
    map (x, y) in a { a[x, y] = 1.0; }
    for i in 0..n {
        map (x, y) in dst { dst[x, y] = a.clamp[x + 1, y] * 3.0; }
        map (x, y) in a { a[x, y] = src[x, y] - src[x, y]; }
    }
}
"""
PROGRAM = verify(compile_text(SOURCE, "spans.cps").encoded)


@pytest.mark.parametrize(
    ("name", "has", "has_not"),
    [
        ("known", "fptosi float", "fptosi.sat"),
        ("unknown", "fptosi.sat", "fptosi float"),
        ("too_large", "fptoui.sat", "fptoui float"),
        ("root", "fptosi float", "fptosi double"),
        ("large_root", "fptosi double", "fptosi float"),
        ("through", "bitcast float", "icmp ugt i32"),
        ("again", "icmp ugt i32", "fptosi"),
    ],
)
def test_what_is_proved_is_not_done(name: str, has: str, has_not: str) -> None:
    kernel = PROGRAM.kernels[name]
    ir = lower(kernel, parameters.resolve(kernel.kernel, {})).ir
    body = ir.split("define", 1)[1]
    assert has in body
    assert has_not not in body


@pytest.mark.parametrize("name", sorted(PROGRAM.kernels))
def test_the_interpreter_agrees(name: str) -> None:
    kernel = PROGRAM.kernels[name]
    image = kernel.kernel.images[0]
    rng = np.random.default_rng(2)
    if image.type is F32:
        special = [float("nan"), float("inf"), -float("inf"), -0.0, 3e9, -3e9, 1e-40, 0.5]
        src = rng.choice(np.array(special, np.float32), (9, 33))
    else:
        src = rng.integers(0, image.type.maximum, (9, 33), endpoint=True)
        src = src.astype("u1" if image.type.maximum == 255 else "u2")
    wanted = interp.run(PROGRAM, name, {"src": src}, {}).outputs["dst"]
    found = inprocess.run(PROGRAM, name, {"src": src}, {})["dst"]
    assert wanted.tobytes() == found.tobytes()
