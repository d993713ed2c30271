"""What every arithmetic instruction must give, by NumPy's floats and Python's integers.

It shares nothing with `vm.scalar` or the native compiler. Operands and results are arrays of bit
patterns, unsigned and as wide as their types.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vm.opcodes import Op
from vm.types import ScalarType

Patterns = NDArray[Any]
BOOL, F32 = ScalarType.BOOL, ScalarType.F32
NAN = {ScalarType.F32: 0x7FC00000, ScalarType.F64: 0x7FF8000000000000}
MANTISSA = {ScalarType.F32: 23, ScalarType.F64: 52}


def patterns_type(kind: ScalarType) -> Any:
    """The NumPy type of bit patterns."""
    return np.dtype(f"<u{max(1, kind.bits // 8)}")


def edges(kind: ScalarType) -> list[int]:
    """Bit patterns that are worth trying: at least 60 for every number type."""
    rng = random.Random(kind.label)
    if kind.is_bool:
        return [0, 1]
    if kind.is_float:
        return _float_edges(kind, rng)
    low, high, bits = kind.minimum, kind.maximum, kind.bits
    values = [*range(-9, 18), low, low + 1, low + 2, high, high - 1, high - 2, low // 2, high // 2]
    values += [sign * (1 << k) + d for k in range(4, bits) for sign in (1, -1) for d in (-1, 0, 1)]
    inside = [value for value in dict.fromkeys(values) if low <= value <= high]
    fixed = inside[:37]
    rest = rng.sample(inside[37:], max(0, min(20, len(inside) - 37)))
    extra = [rng.randint(low, high) for _ in range(80)]
    chosen = list(dict.fromkeys([*fixed, *rest, *extra]))[:66]
    return [value & (1 << bits) - 1 for value in chosen]


def _float_edges(kind: ScalarType, rng: random.Random) -> list[int]:
    bits, fraction = kind.bits, MANTISSA[kind]
    infinity = ((1 << (bits - 1)) - 1) >> fraction << fraction
    quiet = 1 << (fraction - 1)
    one = _pattern(kind, 1.0)
    found = [0, 1, 2, (1 << fraction) - 1, 1 << fraction, (1 << fraction) + 1]  # subnormals
    found += [infinity - 1, infinity, infinity | quiet, infinity | 1, infinity | quiet | 77]
    found += [one - 1, one, one + 1, one + quiet]
    ties = [0.5, 1.5, 2.5, 3.5, 0.49999997, 0.25, 2.0, 3.0, 7.0, 10.0, 255.0, 255.5, 256.0]
    ends = [2.0**k for k in (7, 8, 15, 16, 24, 31, 32, 53, 63, 64)]
    found += [_pattern(kind, v) for v in ties + ends]
    found += [_pattern(kind, v) - 1 for v in ends]
    found += [rng.getrandbits(bits - 1) for _ in range(4)]
    sign = 1 << (bits - 1)
    return list(dict.fromkeys(each for raw in found for each in (raw, raw | sign)))


def _pattern(kind: ScalarType, value: float) -> int:
    floats = np.array([value], np.float32 if kind is F32 else np.float64)
    return int(floats.view(patterns_type(kind))[0])


def random_patterns(kind: ScalarType, count: int, seed: int) -> Patterns:
    """Bit patterns of every size; half of the floats are near 1, half of the integers near 0."""
    rng = np.random.default_rng([seed, kind.code])
    if kind.is_bool:
        return rng.integers(0, 2, count).astype(np.uint8)
    found = rng.integers(0, 1 << 64, count, np.uint64) >> np.uint64(64 - kind.bits)
    half = count // 2
    if kind.is_float:
        near = (rng.standard_normal(half) * 10.0 ** rng.integers(-3, 12, half)).astype(
            np.float32 if kind is F32 else np.float64
        )
        found[:half] = near.view(patterns_type(kind))
    else:
        found[:half] = rng.integers(-40, 40, half).astype(np.int64).view(np.uint64)
    return (found & np.uint64((1 << kind.bits) - 1)).astype(patterns_type(kind))


# Numbers.


def numbers(kind: ScalarType, raws: Patterns) -> NDArray[Any]:
    """Floats as floats; integers and bools as Python's integers."""
    if kind.is_float:
        return raws.view(np.float32 if kind is F32 else np.float64)
    if kind.is_signed:
        return raws.view(f"<i{kind.bits // 8}").astype(object)
    return raws.astype(object)


def patterns(kind: ScalarType, values: NDArray[Any]) -> Patterns:
    """Numbers as bit patterns: integers modulo their width, NaN as the one NaN."""
    if not kind.is_float:
        return (values & ((1 << kind.bits) - 1)).astype(patterns_type(kind))
    floats = values.astype(np.float32 if kind is F32 else np.float64)
    found = floats.view(patterns_type(kind)).copy()
    found[np.isnan(floats)] = NAN[kind]
    return found


# Meanings. Each takes the operands' numbers and the type of the operation.

Meaning = Callable[..., Any]


def _each(function: Callable[..., int]) -> Meaning:
    """A meaning for integers, one by one."""
    return lambda kind, *columns: np.array(
        [function(kind, *row) for row in zip(*columns, strict=True)], object
    )


def _quotient(kind: ScalarType, a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _nearest(kind: ScalarType, a: int, b: int) -> int:
    size = (2 * abs(a) + abs(b)) // (2 * abs(b))
    return size if (a < 0) == (b < 0) else -size


def _extreme(better: Any) -> Meaning:
    """IEEE 754-2019 minimum and maximum: NaN wins, and -0 < +0."""

    def meaning(kind: ScalarType, a: Any, b: Any) -> Any:
        if not kind.is_float:
            return better(a, b)
        found = better(a, b)
        zeros = (a == 0) & (b == 0)
        negative = (
            np.signbit(a) | np.signbit(b)
            if better is np.minimum
            else (np.signbit(a) & np.signbit(b))
        )
        return np.where(zeros, np.where(negative, -0.0, 0.0), found)

    return meaning


INTEGERS: dict[Op, Meaning] = {
    Op.DIV: _each(_quotient),
    Op.REM: _each(lambda kind, a, b: a - b * _quotient(kind, a, b)),
    Op.DIV_FLOOR: _each(lambda kind, a, b: a // b),
    Op.MOD_FLOOR: _each(lambda kind, a, b: a % b),
    Op.DIV_ROUND: _each(_nearest),
    Op.AND: lambda kind, a, b: a & b,
    Op.OR: lambda kind, a, b: a | b,
    Op.XOR: lambda kind, a, b: a ^ b,
    Op.NOT: lambda kind, a: 1 - a if kind.is_bool else -1 - a,
    Op.SHL: _each(lambda kind, a, b: a << (b % kind.bits)),
    Op.SHR: _each(lambda kind, a, b: a >> (b % kind.bits)),
}
FLOATS: dict[Op, Meaning] = {
    Op.DIV: lambda kind, a, b: a / b,
    Op.SQRT: lambda kind, a: np.sqrt(a),
    Op.FLOOR: lambda kind, a: np.floor(a),
    Op.CEIL: lambda kind, a: np.ceil(a),
    Op.TRUNC: lambda kind, a: np.trunc(a),
    Op.NEAREST: lambda kind, a: np.rint(a),
}
BOTH: dict[Op, Meaning] = {
    Op.ADD: lambda kind, a, b: a + b,
    Op.SUB: lambda kind, a, b: a - b,
    Op.MUL: lambda kind, a, b: a * b,
    Op.NEG: lambda kind, a: -a,
    Op.ABS: lambda kind, a: abs(a),
    Op.MIN: _extreme(np.minimum),
    Op.MAX: _extreme(np.maximum),
    Op.EQ: lambda kind, a, b: a == b,
    Op.NE: lambda kind, a, b: a != b,
    Op.LT: lambda kind, a, b: a < b,
    Op.LE: lambda kind, a, b: a <= b,
    Op.GT: lambda kind, a, b: a > b,
    Op.GE: lambda kind, a, b: a >= b,
    Op.SELECT: lambda kind, c, a, b: np.where(c.astype(bool), a, b),
}
DIVISIONS = frozenset({Op.DIV, Op.REM, Op.DIV_FLOOR, Op.MOD_FLOOR, Op.DIV_ROUND})


def expected(
    op: Op, types: Sequence[ScalarType], result: ScalarType, columns: Sequence[Patterns]
) -> tuple[Patterns, NDArray[np.bool_]]:
    """The bit patterns of the results, and where there is one: elsewhere the instruction traps."""
    with np.errstate(all="ignore"):
        if len(types) == 2:
            return _converted(op, *types, columns[0])
        kind = types[0]
        defined = np.ones(len(columns[0]), bool)
        if op in DIVISIONS and not kind.is_float:
            defined = columns[1] != 0
            columns = [columns[0], np.where(defined, columns[1], 1).astype(columns[1].dtype)]
        kinds = [BOOL, kind, kind] if op is Op.SELECT else [kind] * len(columns)
        operands = [numbers(k, column) for k, column in zip(kinds, columns, strict=True)]
        table = {**BOTH, **(FLOATS if kind.is_float else INTEGERS)}
        found = np.asarray(table[op](kind, *operands))
        if result.is_bool:
            return found.astype(bool).astype(np.uint8), defined
        return patterns(result, found), defined


def _converted(
    op: Op, source: ScalarType, target: ScalarType, raws: Patterns
) -> tuple[Patterns, NDArray[np.bool_]]:
    defined = np.ones(len(raws), bool)
    values = numbers(source, raws)
    if op is Op.BITS:
        found = patterns(source, values) if source.is_float else raws
        return (patterns(target, numbers(target, found)) if target.is_float else found), defined
    if target.is_float:
        wide = np.uint64 if source.is_integer and not source.is_signed else np.int64
        exact = values if source.is_float else values.astype(wide)
        return patterns(target, exact.astype(np.float32 if target is F32 else np.float64)), defined
    if source.is_float:
        whole = [0 if v != v else _clamped(v, target) for v in values.tolist()]
        return patterns(target, np.array(whole, object)), defined
    low, high = target.minimum, target.maximum
    if op is Op.SATURATE:
        values = np.array([min(max(value, low), high) for value in values], object)
    if op is Op.NARROW:
        defined = np.array([low <= value <= high for value in values], bool)
    return patterns(target, values), defined


def _clamped(value: float, target: ScalarType) -> int:
    if value in (float("inf"), float("-inf")):
        return target.maximum if value > 0 else target.minimum
    return min(max(int(value), target.minimum), target.maximum)
