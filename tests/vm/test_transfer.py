"""Every transfer function against every concrete operation, exhaustively at a width of 4 bits.

The types here stand in for the machine's: the functions know a type only by its width and sign.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier import transfer
from vm.verifier.interval import Dimensions, Range


@dataclass(frozen=True)
class Tiny:
    """A 4-bit integer type."""

    is_signed: bool
    bits: int = 4
    is_float: bool = False
    is_bool: bool = False
    is_integer: bool = True

    @property
    def minimum(self) -> int:
        return -8 if self.is_signed else 0

    @property
    def maximum(self) -> int:
        return 7 if self.is_signed else 15

    def wrap(self, value: int) -> int:
        value &= 15
        return value - 16 if self.is_signed and value > 7 else value


def truncated(a: int, b: int) -> int:
    return int(a / b)


def rounded(a: int, b: int) -> int:
    sign = 1 if (a < 0) == (b < 0) else -1
    return sign * ((abs(a) + abs(b) / 2) // abs(b)).__int__()


CONCRETE: dict[Op, Callable[[int, int], int]] = {
    Op.ADD: lambda a, b: a + b,
    Op.SUB: lambda a, b: a - b,
    Op.MUL: lambda a, b: a * b,
    Op.DIV: truncated,
    Op.DIV_FLOOR: lambda a, b: a // b,
    Op.DIV_ROUND: rounded,
    Op.REM: lambda a, b: a - b * truncated(a, b),
    Op.MOD_FLOOR: lambda a, b: a % b,
    Op.MIN: min,
    Op.MAX: max,
    Op.AND: lambda a, b: a & b,
    Op.OR: lambda a, b: a | b,
    Op.XOR: lambda a, b: a ^ b,
    Op.SHL: lambda a, b: a << (b % 4),
    Op.SHR: lambda a, b: a >> (b % 4),
}
NONE = Dimensions(())


def intervals(scalar: Tiny) -> list[tuple[int, int]]:
    ends = range(scalar.minimum, scalar.maximum + 1)
    return [(low, high) for low in ends for high in ends if low <= high]


def apply(op: Op, scalar: Any, *args: tuple[int, int]) -> Range:
    return transfer.apply(op, scalar, [Range(scalar, low, high) for low, high in args], NONE)


def test_the_concrete_operations_are_those_of_the_table() -> None:
    assert set(CONCRETE) == set(transfer.BINARY)


@pytest.mark.parametrize("scalar", [Tiny(True), Tiny(False)], ids=["signed", "unsigned"])
@pytest.mark.parametrize("op", list(CONCRETE), ids=lambda op: op.mnemonic)
def test_binary(op: Op, scalar: Tiny) -> None:
    values = range(scalar.minimum, scalar.maximum + 1)
    results = {
        (a, b): scalar.wrap(CONCRETE[op](a, b))
        for a, b in itertools.product(values, values)
        if b or op not in transfer.DIVISIONS
    }
    # The least and greatest result over every pair of intervals, grown from smaller intervals.
    extremes: dict[tuple[int, int, int, int], tuple[int, int]] = {}
    for (a, b), value in results.items():
        extremes[a, a, b, b] = (value, value)
    for left in sorted(intervals(scalar), key=lambda i: i[1] - i[0]):
        for right in sorted(intervals(scalar), key=lambda i: i[1] - i[0]):
            key = (*left, *right)
            parts = _parts(left, right)
            known = [extremes[part] for part in parts if part in extremes]
            if known:
                extremes[key] = (min(k[0] for k in known), max(k[1] for k in known))
                found = apply(op, scalar, left, right)
                assert found.low <= extremes[key][0], (key, found)
                assert found.high >= extremes[key][1], (key, found)


def _parts(left: tuple[int, int], right: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    (a, b), (c, d) = left, right
    if a < b:
        return [(a, a, c, d), (a + 1, b, c, d)]
    if c < d:
        return [(a, b, c, c), (a, b, c + 1, d)]
    return [(a, b, c, d)]


@pytest.mark.parametrize("op", [Op.NEG, Op.ABS, Op.NOT], ids=lambda op: op.mnemonic)
def test_unary(op: Op) -> None:
    scalar = Tiny(True)
    meaning = {Op.NEG: lambda a: -a, Op.ABS: abs, Op.NOT: lambda a: ~a}[op]
    for low, high in intervals(scalar):
        found = apply(op, scalar, (low, high))
        for value in range(low, high + 1):
            assert found.low <= scalar.wrap(meaning(value)) <= found.high


@pytest.mark.parametrize("op", [Op.CONVERT, Op.WRAP, Op.SATURATE, Op.NARROW])
def test_conversions(op: Op) -> None:
    """From i16 to i8 and u8, over intervals with every kind of end."""
    ends = [-32768, -300, -257, -129, -128, -1, 0, 1, 127, 128, 255, 256, 300, 32767]
    for target in (ScalarType.U8, ScalarType.I8):
        for low, high in itertools.combinations_with_replacement(ends, 2):
            found = transfer.convert(op, target, Range(ScalarType.I16, low, high))
            for value in (v for v in ends if low <= v <= high):
                result = _converted(op, target, value)
                if result is not None:
                    assert found.low <= result <= found.high


def _converted(op: Op, target: ScalarType, value: int) -> int | None:
    if target.minimum <= value <= target.maximum:
        return value
    if op is Op.SATURATE:
        return min(max(value, target.minimum), target.maximum)
    if op is Op.WRAP:
        value &= 255
        return value - 256 if target.is_signed and value > 127 else value
    return None


def test_bounds_by_dimensions_hold() -> None:
    """Symbolic bounds of every binary operation, over all small dimensions and values."""
    dimensions = Dimensions(((0, 0),))
    dimensions.narrow(0, 1, 4)
    shapes = [
        (lambda d: (d - 1, d - 1), Range(ScalarType.I32, 0, 3, ((0, -1),), ((0, -1),))),
        (lambda d: (0, d - 1), Range(ScalarType.I32, 0, 3, (), ((0, -1),))),
        (lambda d: (d, d + 2), Range(ScalarType.I32, 1, 6, ((0, 0),), ((0, 2),))),
        (lambda d: (-2, 1), Range(ScalarType.I32, -2, 1)),
        (lambda d: (1, 3), Range(ScalarType.I32, 1, 3)),
    ]
    for op in set(transfer.BINARY) - {Op.SHL, Op.SHR}:
        for (left_of, left), (right_of, right) in itertools.product(shapes, shapes):
            found = transfer.apply(op, ScalarType.I32, [left, right], dimensions)
            for size in range(1, 5):
                _check_bounds(op, found, left_of(size), right_of(size), size)


def _check_bounds(
    op: Op, found: Range, left: tuple[int, int], right: tuple[int, int], size: int
) -> None:
    for a in range(left[0], left[1] + 1):
        for b in range(right[0], right[1] + 1):
            if b == 0 and op in transfer.DIVISIONS:
                continue
            value = CONCRETE[op](a, b)
            assert found.low <= value <= found.high, (op, a, b, found)
            assert all(value <= size + offset for _, offset in found.below), (op, a, b, found)
            assert all(value >= size + offset for _, offset in found.above), (op, a, b, found)
