"""What each arithmetic instruction means, as one function over Python values: THE dict `MEANING`.

    MEANING[Op.ADD](ScalarType.I32, 2, 3) == 5
    MEANING[Op.CONVERT](ScalarType.I32, ScalarType.F32, 3) == 3.0

    CHECKED[Op.ADD](ScalarType.I32, 2**31 - 1, 1)       raises ArithmeticTrap

A function takes the instruction's types, then its operands in the order they were pushed.
`CHECKED` holds what they mean in a checked run, where signed arithmetic traps instead of wrapping.
Integers are Python integers within their type, bools are bools, floats of both widths are Python
floats (an f32 is a double that binary32 can hold). The interpreter and the compiler's constant
folding use these; the native compiler does not, so that comparing the two means something.

Why f32 arithmetic may be done in double: for + - * / and square root, rounding first to p' and
then to p significant bits gives what rounding once to p bits would if p' >= 2 p + 2 (Figueroa,
"When is double rounding innocuous?", 1995). Here p = 24 and p' = 53 >= 50. Subnormal results have
fewer bits than p, so it holds for them all the more.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from vm.bits import bits_to_float, float_to_bits
from vm.module import TrapCode
from vm.opcodes import Op
from vm.types import ScalarType

Value = int | float | bool

SINGLE = struct.Struct("<f")


class ArithmeticTrap(Exception):
    """The instruction traps; where, only its caller knows."""

    def __init__(self, code: TrapCode) -> None:
        super().__init__(code)
        self.code = code


# Bringing results into their type.


def wrap(scalar: ScalarType, value: int) -> int:
    """The integer of this type that is congruent modulo 2^bits."""
    if scalar.minimum <= value <= scalar.maximum:
        return value
    value &= (1 << scalar.bits) - 1
    return value - (1 << scalar.bits) if value > scalar.maximum else value


def clamp(scalar: ScalarType, value: int) -> int:
    """The integer of this type that is nearest."""
    return min(max(value, scalar.minimum), scalar.maximum)


def rounded(scalar: ScalarType, value: float) -> float:
    """A double rounded to the float type, to nearest even."""
    if scalar is ScalarType.F64:
        return value
    try:
        return float(SINGLE.unpack(SINGLE.pack(value))[0])
    except OverflowError:  # beyond the greatest binary32
        return math.copysign(math.inf, value)


def rounded_integer(scalar: ScalarType, value: int) -> float:
    """An integer rounded once to the float type, to nearest even.

    Going through double first would round twice: 2^53 + 2^29 + 1 is a witness for f32.
    """
    spare = abs(value).bit_length() - (24 if scalar is ScalarType.F32 else 53)
    if spare <= 0:
        return float(value)
    kept, lost = divmod(abs(value), 1 << spare)
    half = 1 << (spare - 1)
    if lost > half or (lost == half and kept & 1):
        kept += 1
    return math.copysign(math.ldexp(kept, spare), value)


# Arithmetic on both kinds of numbers.


def _both(
    integers: Callable[[int, int], int], floats: Callable[[float, float], float]
) -> Callable[[ScalarType, Any, Any], Value]:
    def meaning(scalar: ScalarType, a: Any, b: Any) -> Value:
        if scalar.is_float:
            return rounded(scalar, floats(a, b))
        return wrap(scalar, integers(a, b))

    return meaning


def _float_quotient(a: float, b: float) -> float:
    if b:
        return a / b
    if a == 0 or a != a or b != b:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


# Integer division. `divide` need not care for 0 nor for MIN / -1.


def _truncated(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _to_nearest(a: int, b: int) -> int:
    """Halves away from zero: floor(|a| / |b| + 1/2) with the sign of a / b."""
    quotient = (2 * abs(a) + abs(b)) // (2 * abs(b))
    return quotient if (a < 0) == (b < 0) else -quotient


def _division(divide: Callable[[int, int], int]) -> Callable[[ScalarType, int, int], int]:
    def meaning(scalar: ScalarType, a: int, b: int) -> int:
        if b == 0:
            raise ArithmeticTrap(TrapCode.DIVISION)
        return wrap(scalar, divide(a, b))

    return meaning


_integer_quotient = _division(_truncated)


def _div(scalar: ScalarType, a: Any, b: Any) -> Value:
    if scalar.is_float:
        return rounded(scalar, _float_quotient(a, b))
    return _integer_quotient(scalar, a, b)


# Sign, least and greatest.


def _neg(scalar: ScalarType, a: Any) -> Value:
    return -a if scalar.is_float else wrap(scalar, -a)


def _abs(scalar: ScalarType, a: Any) -> Value:
    return math.fabs(a) if scalar.is_float else wrap(scalar, abs(a))


def _min(scalar: ScalarType, a: Any, b: Any) -> Value:
    """IEEE 754-2019 minimum for floats: any NaN gives NaN, and -0 is less than +0."""
    if a != a or b != b:
        return math.nan
    if a == b:
        return a if math.copysign(1.0, a) < 0 else b  # type: ignore[no-any-return]
    return a if a < b else b  # type: ignore[no-any-return]


def _max(scalar: ScalarType, a: Any, b: Any) -> Value:
    """IEEE 754-2019 maximum for floats: any NaN gives NaN, and +0 is greater than -0."""
    if a != a or b != b:
        return math.nan
    if a == b:
        return b if math.copysign(1.0, a) < 0 else a  # type: ignore[no-any-return]
    return a if a > b else b  # type: ignore[no-any-return]


# Bits. A bool is one bit.


def _and(scalar: ScalarType, a: int, b: int) -> Value:
    return a & b


def _or(scalar: ScalarType, a: int, b: int) -> Value:
    return a | b


def _xor(scalar: ScalarType, a: int, b: int) -> Value:
    return a ^ b


def _not(scalar: ScalarType, a: int) -> Value:
    return not a if scalar.is_bool else wrap(scalar, ~a)


def _shl(scalar: ScalarType, a: int, b: int) -> Value:
    return wrap(scalar, a << (b % scalar.bits))


def _shr(scalar: ScalarType, a: int, b: int) -> Value:
    return a >> (b % scalar.bits)


# Choice.


def _select(scalar: ScalarType, condition: bool, a: Value, b: Value) -> Value:
    return a if condition else b


# Floats only.


def _sqrt(scalar: ScalarType, a: float) -> float:
    return math.nan if a < 0 or a != a else rounded(scalar, math.sqrt(a))


def _integral(to_integer: Callable[[float], int]) -> Callable[[ScalarType, float], float]:
    def meaning(scalar: ScalarType, a: float) -> float:
        if not math.isfinite(a):
            return a
        return math.copysign(float(to_integer(a)), a)  # -0.5 goes up to -0, not to +0

    return meaning


# Conversions.


def _convert(source: ScalarType, target: ScalarType, a: Any) -> Value:
    if target.is_float:
        return rounded(target, a) if source.is_float else rounded_integer(target, int(a))
    if source.is_float:
        return _float_to_integer(target, a)
    return int(a)


def _float_to_integer(target: ScalarType, a: float) -> int:
    if a != a:
        return 0
    if math.isinf(a):
        return target.maximum if a > 0 else target.minimum
    return clamp(target, int(a))


def _wrap(source: ScalarType, target: ScalarType, a: int) -> Value:
    return wrap(target, a)


def _saturate(source: ScalarType, target: ScalarType, a: int) -> Value:
    return clamp(target, a)


def _narrow(source: ScalarType, target: ScalarType, a: int) -> Value:
    if not target.minimum <= a <= target.maximum:
        raise ArithmeticTrap(TrapCode.NARROW)
    return a


def _bits(source: ScalarType, target: ScalarType, a: Any) -> Value:
    if source.is_float:
        return wrap(target, float_to_bits(source, a))
    return bits_to_float(target, a & ((1 << source.bits) - 1))


MEANING: dict[Op, Callable[..., Value]] = {
    Op.ADD: _both(lambda a, b: a + b, lambda a, b: a + b),
    Op.SUB: _both(lambda a, b: a - b, lambda a, b: a - b),
    Op.MUL: _both(lambda a, b: a * b, lambda a, b: a * b),
    Op.DIV: _div,
    Op.REM: _division(lambda a, b: a - b * _truncated(a, b)),
    Op.DIV_FLOOR: _division(lambda a, b: a // b),
    Op.MOD_FLOOR: _division(lambda a, b: a % b),
    Op.DIV_ROUND: _division(_to_nearest),
    Op.NEG: _neg,
    Op.ABS: _abs,
    Op.MIN: _min,
    Op.MAX: _max,
    Op.AND: _and,
    Op.OR: _or,
    Op.XOR: _xor,
    Op.NOT: _not,
    Op.SHL: _shl,
    Op.SHR: _shr,
    Op.EQ: lambda scalar, a, b: a == b,
    Op.NE: lambda scalar, a, b: a != b,
    Op.LT: lambda scalar, a, b: a < b,
    Op.LE: lambda scalar, a, b: a <= b,
    Op.GT: lambda scalar, a, b: a > b,
    Op.GE: lambda scalar, a, b: a >= b,
    Op.SELECT: _select,
    Op.SQRT: _sqrt,
    Op.FLOOR: _integral(math.floor),
    Op.CEIL: _integral(math.ceil),
    Op.TRUNC: _integral(math.trunc),
    Op.NEAREST: _integral(round),
    Op.CONVERT: _convert,
    Op.WRAP: _wrap,
    Op.SATURATE: _saturate,
    Op.NARROW: _narrow,
    Op.BITS: _bits,
}

EXACT: dict[Op, Callable[..., int]] = {
    Op.ADD: lambda scalar, a, b: a + b,
    Op.SUB: lambda scalar, a, b: a - b,
    Op.MUL: lambda scalar, a, b: a * b,
    Op.DIV: lambda scalar, a, b: _truncated(a, b),
    Op.DIV_FLOOR: lambda scalar, a, b: a // b,
    Op.DIV_ROUND: lambda scalar, a, b: _to_nearest(a, b),
    Op.NEG: lambda scalar, a: -a,
    Op.ABS: lambda scalar, a: abs(a),
}
"""The results of integer arithmetic before they are wrapped, where a type may not hold them."""


def wraps(op: Op, scalar: ScalarType, *operands: Any) -> bool:
    """Whether signed arithmetic wraps: unsigned arithmetic is for wrapping, and never counts.

    A division by zero is not asked about.
    """
    if op not in EXACT or not scalar.is_signed:
        return False
    return not scalar.minimum <= EXACT[op](scalar, *operands) <= scalar.maximum


def _checked(op: Op, meaning: Callable[..., Value]) -> Callable[..., Value]:
    def checked(scalar: ScalarType, *operands: Any) -> Value:
        result = meaning(scalar, *operands)
        if wraps(op, scalar, *operands):
            raise ArithmeticTrap(TrapCode.WRAP)
        return result

    return checked


CHECKED = {op: _checked(op, meaning) if op in EXACT else meaning for op, meaning in MEANING.items()}

ARITHMETIC = frozenset(op for op in Op if Op.ADD.code <= op.code <= Op.BITS.code)
assert set(MEANING) == ARITHMETIC, f"no meaning for {ARITHMETIC ^ set(MEANING)}"
