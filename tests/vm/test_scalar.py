"""The meaning of arithmetic, held against exact fractions, NumPy and the words of the table."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vm.bits import NAN_BITS, bits_to_float, float_to_bits, from_raw
from vm.module import TrapCode
from vm.opcodes import Op
from vm.scalar import ARITHMETIC, MEANING, ArithmeticTrap, Value, rounded, rounded_integer, wrap
from vm.testing.values import random_raw
from vm.types import COMPUTE_INTEGERS, FLOATS, INTEGERS, NUMBERS, ScalarType
from vm.verifier.instructions import is_conversion

F32, F64 = ScalarType.F32, ScalarType.F64
I32, I64, U32, U8, I8 = (
    ScalarType.I32,
    ScalarType.I64,
    ScalarType.U32,
    ScalarType.U8,
    ScalarType.I8,
)
U64 = ScalarType.U64
LARGEST = {F32: bits_to_float(F32, 0x7F7FFFFF), F64: bits_to_float(F64, 0x7FEFFFFFFFFFFFFF)}
NAN, INF = math.nan, math.inf


def same(left: Value, right: Value) -> bool:
    """Equal, with the sign of zero, and NaN like itself."""
    if left != left or right != right:
        return left != left and right != right
    return left == right and math.copysign(1, left) == math.copysign(1, right)


def values(scalar: ScalarType) -> st.SearchStrategy[Value]:
    seeds = st.integers(0, 1 << 32)
    return seeds.map(lambda seed: from_raw(scalar, random_raw(Random(seed), scalar)))


def is_in(scalar: ScalarType, value: Value) -> bool:
    if scalar.is_float:
        return isinstance(value, float) and same(rounded(scalar, value), value)
    if scalar.is_bool:
        return isinstance(value, bool)
    return type(value) is int and scalar.minimum <= value <= scalar.maximum


@given(st.data())
def test_results_are_of_their_type(data: st.DataObject) -> None:
    op = data.draw(st.sampled_from(sorted(ARITHMETIC, key=lambda op: op.code)))
    target = data.draw(st.sampled_from(sorted(op.types, key=lambda scalar: scalar.code)))
    if len(op.immediates) == 2:
        sources = [source for source in ScalarType if is_conversion(op, source, target)]
        if not sources:
            return
        source = data.draw(st.sampled_from(sources))
        types, words = [source, target], {"S": source, "T": target}
    else:
        types, words = [target], {"T": target}
    words["bool"] = ScalarType.BOOL
    operands = [data.draw(values(words[word])) for word in op.pops]
    with contextlib.nullcontext() if not op.may_trap else contextlib.suppress(ArithmeticTrap):
        result = MEANING[op](*types, *operands)
        assert is_in(words[op.pushes[0]], result)


EXACT: dict[Op, Callable[[int, int], int | Fraction]] = {
    Op.ADD: lambda a, b: a + b,
    Op.SUB: lambda a, b: a - b,
    Op.MUL: lambda a, b: a * b,
    Op.DIV: lambda a, b: math.trunc(Fraction(a, b)),
    Op.REM: lambda a, b: a - b * math.trunc(Fraction(a, b)),
    Op.DIV_FLOOR: lambda a, b: math.floor(Fraction(a, b)),
    Op.MOD_FLOOR: lambda a, b: a - b * math.floor(Fraction(a, b)),
    Op.DIV_ROUND: lambda a, b: (
        math.floor(Fraction(a, b) + Fraction(1, 2))
        if Fraction(a, b) >= 0
        else math.ceil(Fraction(a, b) - Fraction(1, 2))
    ),
    Op.MIN: min,
    Op.MAX: max,
}


@given(
    st.sampled_from(sorted(EXACT, key=lambda op: op.code)),
    st.sampled_from(sorted(COMPUTE_INTEGERS, key=lambda scalar: scalar.code)),
    st.data(),
)
def test_integers_are_exact_modulo_their_width(
    op: Op, scalar: ScalarType, data: st.DataObject
) -> None:
    a, b = data.draw(values(scalar)), data.draw(values(scalar))
    assert isinstance(a, int)
    assert isinstance(b, int)
    if b == 0 and op.may_trap:
        with pytest.raises(ArithmeticTrap) as caught:
            MEANING[op](scalar, a, b)
        assert caught.value.code is TrapCode.DIVISION
        return
    exact = EXACT[op](a, b)
    assert (MEANING[op](scalar, a, b) - exact) % (1 << scalar.bits) == 0


@pytest.mark.parametrize(
    ("op", "scalar", "operands", "wanted"),
    [
        (Op.DIV, I32, (-(1 << 31), -1), -(1 << 31)),
        (Op.DIV_FLOOR, I64, (-(1 << 63), -1), -(1 << 63)),
        (Op.DIV_ROUND, I32, (-(1 << 31), -1), -(1 << 31)),
        (Op.REM, I32, (-(1 << 31), -1), 0),
        (Op.MOD_FLOOR, I32, (-(1 << 31), -1), 0),
        (Op.DIV, I32, (-7, 2), -3),
        (Op.DIV_FLOOR, I32, (-7, 2), -4),
        (Op.DIV_ROUND, I32, (-7, 2), -4),
        (Op.DIV_ROUND, I32, (7, 2), 4),
        (Op.DIV_ROUND, I32, (-5, 4), -1),
        (Op.REM, I32, (-7, 2), -1),
        (Op.MOD_FLOOR, I32, (-7, 2), 1),
        (Op.MOD_FLOOR, I32, (7, -2), -1),
        (Op.SHL, I32, (1, 33), 2),
        (Op.SHL, I32, (1, -1), -(1 << 31)),
        (Op.SHR, I32, (-8, 1), -4),
        (Op.SHR, U32, (0x80000000, 31), 1),
        (Op.SHR, I64, (-1, 200), -1),
        (Op.NEG, I32, (-(1 << 31),), -(1 << 31)),
        (Op.ABS, I32, (-(1 << 31),), -(1 << 31)),
        (Op.NOT, U32, (0,), 0xFFFFFFFF),
        (Op.NOT, I32, (5,), -6),
        (Op.NOT, ScalarType.BOOL, (True,), False),
        (Op.XOR, ScalarType.BOOL, (True, True), False),
        (Op.MIN, F32, (0.0, -0.0), -0.0),
        (Op.MIN, F32, (-0.0, 0.0), -0.0),
        (Op.MAX, F64, (-0.0, 0.0), 0.0),
        (Op.MAX, F64, (0.0, -0.0), 0.0),
        (Op.MIN, F64, (NAN, 1.0), NAN),
        (Op.MAX, F64, (1.0, NAN), NAN),
        (Op.DIV, F32, (1.0, 0.0), INF),
        (Op.DIV, F32, (1.0, -0.0), -INF),
        (Op.DIV, F32, (0.0, 0.0), NAN),
        (Op.DIV, F64, (NAN, 0.0), NAN),
        (Op.ADD, F64, (INF, -INF), NAN),
        (Op.ADD, F32, (LARGEST[F32], LARGEST[F32]), INF),
        (Op.MUL, F32, (bits_to_float(F32, 1), 0.5), 0.0),
        (Op.SQRT, F32, (-0.0,), -0.0),
        (Op.SQRT, F32, (-1.0,), NAN),
        (Op.SQRT, F64, (INF,), INF),
        (Op.NEG, F32, (0.0,), -0.0),
        (Op.ABS, F32, (-0.0,), 0.0),
        (Op.CEIL, F32, (-0.5,), -0.0),
        (Op.FLOOR, F64, (-0.0,), -0.0),
        (Op.FLOOR, F64, (-0.5,), -1.0),
        (Op.TRUNC, F64, (-0.9,), -0.0),
        (Op.NEAREST, F64, (2.5,), 2.0),
        (Op.NEAREST, F64, (-3.5,), -4.0),
        (Op.NEAREST, F64, (INF,), INF),
        (Op.LT, F64, (NAN, 1.0), False),
        (Op.NE, F64, (NAN, NAN), True),
        (Op.EQ, F64, (0.0, -0.0), True),
        (Op.SELECT, I32, (True, 1, 2), 1),
        (Op.SELECT, I32, (False, 1, 2), 2),
    ],
)
def test_corners(op: Op, scalar: ScalarType, operands: tuple[Value, ...], wanted: Value) -> None:
    assert same(MEANING[op](scalar, *operands), wanted)


@pytest.mark.parametrize(
    ("op", "source", "target", "operand", "wanted"),
    [
        (Op.CONVERT, F32, I32, 2147483648.0, (1 << 31) - 1),
        (Op.CONVERT, F64, I32, -1e300, -(1 << 31)),
        (Op.CONVERT, F64, U8, -3.7, 0),
        (Op.CONVERT, F64, I32, -3.7, -3),
        (Op.CONVERT, F64, U64, NAN, 0),
        (Op.CONVERT, F32, I64, INF, (1 << 63) - 1),
        (Op.CONVERT, I64, F32, (1 << 53) + (1 << 29) + 1, 9007200328482816.0),
        (Op.CONVERT, I64, F32, -((1 << 53) + (1 << 29) + 1), -9007200328482816.0),
        (Op.CONVERT, U64, F64, (1 << 64) - 1, 2.0**64),
        (Op.CONVERT, F64, F32, 1e300, INF),
        (Op.CONVERT, F64, F32, -1e-300, -0.0),
        (Op.CONVERT, ScalarType.BOOL, F32, True, 1.0),
        (Op.CONVERT, ScalarType.BOOL, U8, True, 1),
        (Op.WRAP, I32, U8, -1, 255),
        (Op.WRAP, U32, I32, 0xFFFFFFFF, -1),
        (Op.WRAP, I32, I8, 128, -128),
        (Op.SATURATE, I32, U8, -1, 0),
        (Op.SATURATE, I32, U8, 256, 255),
        (Op.SATURATE, U64, I32, (1 << 64) - 1, (1 << 31) - 1),
        (Op.NARROW, I32, U8, 255, 255),
        (Op.BITS, F32, U32, NAN, NAN_BITS[F32]),
        (Op.BITS, F32, I32, -0.0, -(1 << 31)),
        (Op.BITS, I32, F32, -(1 << 31), -0.0),
        (Op.BITS, U64, F64, 1, 5e-324),
    ],
)
def test_conversions(
    op: Op, source: ScalarType, target: ScalarType, operand: Value, wanted: Value
) -> None:
    assert is_conversion(op, source, target)
    assert same(MEANING[op](source, target, operand), wanted)


@pytest.mark.parametrize("operand", [-1, 256])
def test_narrow_traps_out_of_range(operand: int) -> None:
    with pytest.raises(ArithmeticTrap) as caught:
        MEANING[Op.NARROW](I32, U8, operand)
    assert caught.value.code is TrapCode.NARROW


NUMPY: dict[Op, Callable[..., np.floating]] = {
    Op.ADD: np.add,
    Op.SUB: np.subtract,
    Op.MUL: np.multiply,
    Op.DIV: np.divide,
    Op.SQRT: np.sqrt,
    Op.FLOOR: np.floor,
    Op.CEIL: np.ceil,
    Op.TRUNC: np.trunc,
    Op.NEAREST: np.rint,
}


@given(
    st.sampled_from(sorted(NUMPY, key=lambda op: op.code)),
    st.sampled_from([F32, F64]),
    st.data(),
)
def test_floats_are_those_of_the_processor(op: Op, scalar: ScalarType, data: st.DataObject) -> None:
    kind = np.float32 if scalar is F32 else np.float64
    operands = [data.draw(values(scalar)) for _ in op.pops]
    with np.errstate(all="ignore"):
        wanted = float(NUMPY[op](*[kind(operand) for operand in operands]))
    assert same(MEANING[op](scalar, *operands), wanted)


@given(st.sampled_from([F32, F64]), st.integers(-(1 << 64), 1 << 64))
def test_integers_become_the_nearest_float(scalar: ScalarType, value: int) -> None:
    found = Fraction(rounded_integer(scalar, value))
    precision = 24 if scalar is F32 else 53
    spacing = Fraction(2) ** max(0, abs(value).bit_length() - precision)
    assert abs(found - value) * 2 <= spacing
    if abs(found - value) * 2 == spacing:
        assert (found / spacing) % 2 == 0


@given(st.integers(0, (1 << 64) - 1))
def test_f32_rounding_is_that_of_the_processor(bits: int) -> None:
    value = bits_to_float(F64, bits)
    with np.errstate(all="ignore"):
        wanted = float(np.float32(value))
    assert same(rounded(F32, value), wanted)
    if value == value:
        assert float_to_bits(F32, value) == float_to_bits(F32, wanted)


@given(st.sampled_from(sorted(INTEGERS, key=lambda t: t.code)), st.integers(-(1 << 70), 1 << 70))
def test_wrap(scalar: ScalarType, value: int) -> None:
    assert scalar.minimum <= wrap(scalar, value) <= scalar.maximum
    assert (wrap(scalar, value) - value) % (1 << scalar.bits) == 0


def test_every_type_is_a_kind_of_number() -> None:
    assert NUMBERS == INTEGERS | FLOATS
    assert {scalar.minimum for scalar in INTEGERS if not scalar.is_signed} == {0}
