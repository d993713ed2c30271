"""Transfer functions: from the ranges of operands to the range of a result.

Each gives the exact mathematical interval; `apply` then asks whether it fits the type. If it
does, the machine's result is the mathematical one ("exact"); if not, it may have wrapped, and
nothing is known but the type.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier.expression import Expression, TooComplexError
from vm.verifier.interval import (
    Bounds,
    Dimensions,
    Fact,
    Range,
    fits,
    shifted,
    tighter_above,
    tighter_below,
    whole,
)

MOST_BOUNDS = 4  # bounds kept for a value, and
MOST_TERMS = 16  # terms of its exact form: together they bound the work of every step


def _range(
    low: int,
    high: int,
    above: Bounds = (),
    below: Bounds = (),
    exact: Expression | None = None,
) -> Range:
    return Range(ScalarType.I64, low, high, above[:MOST_BOUNDS], below[:MOST_BOUNDS], exact)


def _combine(
    left: Range, right: Range, operate: Callable[[Expression, Expression], Expression]
) -> Expression | None:
    if left.exact is None or right.exact is None:
        return None
    if len(left.exact.terms) * len(right.exact.terms) > MOST_TERMS:
        return None
    try:
        result = operate(left.exact, right.exact)
    except TooComplexError:
        return None
    return result if len(result.terms) <= MOST_TERMS else None


def _add(_: Dimensions, a: Range, b: Range) -> Range:
    return _range(
        a.low + b.low,
        a.high + b.high,
        tighter_above(shifted(a.above, b.low), shifted(b.above, a.low)),
        tighter_below(shifted(a.below, b.high), shifted(b.below, a.high)),
        _combine(a, b, lambda x, y: x + y),
    )


def _sub(_: Dimensions, a: Range, b: Range) -> Range:
    below, above = dict(b.below), dict(b.above)
    least = [offset - below[base] for base, offset in a.above if base in below]
    most = [offset - above[base] for base, offset in a.below if base in above]
    return _range(
        max([a.low - b.high, *least]),
        min([a.high - b.low, *most]),
        shifted(a.above, -b.high),
        shifted(a.below, -b.low),
        _combine(a, b, lambda x, y: x - y),
    )


def _mul(_: Dimensions, a: Range, b: Range) -> Range:
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    return _range(min(corners), max(corners), exact=_combine(a, b, lambda x, y: x * y))


def _truncated(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _rounded(a: int, b: int) -> int:
    quotient = (2 * abs(a) + abs(b)) // (2 * abs(b))
    return quotient if (a < 0) == (b < 0) else -quotient


def _divisors(b: Range) -> list[int]:
    """The divisors among which every extreme quotient lies; 0 traps and does not count."""
    ends = {b.low, b.high, -1 if b.low <= -1 <= b.high else 0, 1 if b.low <= 1 <= b.high else 0}
    return sorted(ends - {0}) or [1]


def _division(divide: Callable[[int, int], int], a: Range, b: Range) -> Range:
    dividends = {a.low, a.high} | ({0} if a.low <= 0 <= a.high else set())
    corners = [divide(x, y) for x in dividends for y in _divisors(b)]
    shrinks = a.low >= 0 and b.low >= 1
    return _range(min(corners), max(corners), (), a.below if shrinks else ())


def _div(_: Dimensions, a: Range, b: Range) -> Range:
    return _division(_truncated, a, b)


def _div_floor(_: Dimensions, a: Range, b: Range) -> Range:
    return _division(lambda x, y: x // y, a, b)


def _div_round(_: Dimensions, a: Range, b: Range) -> Range:
    return _division(_rounded, a, b)


def _largest_remainder(b: Range) -> int:
    return max(abs(b.low), abs(b.high), 1) - 1


def _rem(_: Dimensions, a: Range, b: Range) -> Range:
    most = _largest_remainder(b)
    low = max(-most, min(a.low, 0))
    high = min(most, max(a.high, 0))
    below: Bounds = shifted(b.below, -1) if b.low >= 1 else ()
    if a.low >= 0:
        below = tighter_below(below, a.below)
    return _range(low, high, (), below)


def _mod_floor(_: Dimensions, a: Range, b: Range) -> Range:
    most = _largest_remainder(b)
    low = 0 if b.low >= 1 else -most
    high = 0 if b.high <= -1 else most
    below: Bounds = shifted(b.below, -1) if b.low >= 1 else ()
    if a.low >= 0 and b.low >= 1:
        high = min(high, a.high)
        below = tighter_below(below, a.below)
    return _range(low, high, (), below)


def _neg(_: Dimensions, a: Range) -> Range:
    return _range(-a.high, -a.low)


def _abs(_: Dimensions, a: Range) -> Range:
    if a.low >= 0:
        return _range(a.low, a.high, a.above, a.below, a.exact)
    low = 0 if a.high >= 0 else -a.high
    return _range(low, max(-a.low, a.high))


def _min(dimensions: Dimensions, a: Range, b: Range) -> Range:
    either = dimensions.join(a, b)
    low, high = min(a.low, b.low), min(a.high, b.high)
    return _range(low, high, either.above, tighter_below(a.below, b.below), either.exact)


def _max(dimensions: Dimensions, a: Range, b: Range) -> Range:
    either = dimensions.join(a, b)
    low, high = max(a.low, b.low), max(a.high, b.high)
    return _range(low, high, tighter_above(a.above, b.above), either.below, either.exact)


def _whole_bits(a: Range, b: Range) -> Range:
    """Bitwise results stay within the bits their operands need, signs included."""
    bits = max(value.bit_length() for value in (a.low, a.high, b.low, b.high))
    negative = a.low < 0 or b.low < 0
    return _range(-(1 << bits) if negative else 0, (1 << bits) - 1)


def _and(_: Dimensions, a: Range, b: Range) -> Range:
    ceilings = [value.high for value in (a, b) if value.low >= 0]
    return _range(0, min(ceilings)) if ceilings else _whole_bits(a, b)


def _or(_: Dimensions, a: Range, b: Range) -> Range:
    return _whole_bits(a, b)


def _shift_count(b: Range, bits: int) -> tuple[int, int]:
    return (b.low, b.high) if b.low >= 0 and b.high < bits else (0, bits - 1)


def _shl(_: Dimensions, a: Range, b: Range) -> Range:
    least, most = _shift_count(b, b.type.bits)
    corners = [x << y for x in (a.low, a.high) for y in (least, most)]
    return _range(min(corners), max(corners))


def _shr(_: Dimensions, a: Range, b: Range) -> Range:
    least, most = _shift_count(b, b.type.bits)
    corners = [x >> y for x in (a.low, a.high) for y in (least, most)]
    return _range(min(corners), max(corners), (), a.below if a.low >= 0 else ())


UNARY: dict[Op, Callable[[Dimensions, Range], Range]] = {Op.NEG: _neg, Op.ABS: _abs}

BINARY: dict[Op, Callable[[Dimensions, Range, Range], Range]] = {
    Op.ADD: _add,
    Op.SUB: _sub,
    Op.MUL: _mul,
    Op.DIV: _div,
    Op.DIV_FLOOR: _div_floor,
    Op.DIV_ROUND: _div_round,
    Op.REM: _rem,
    Op.MOD_FLOOR: _mod_floor,
    Op.MIN: _min,
    Op.MAX: _max,
    Op.AND: _and,
    Op.OR: _or,
    Op.XOR: _or,
    Op.SHL: _shl,
    Op.SHR: _shr,
}

DIVISIONS = frozenset({Op.DIV, Op.REM, Op.DIV_FLOOR, Op.MOD_FLOOR, Op.DIV_ROUND})
COMPARISONS = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE})
SWAPPED = {Op.GT: Op.LT, Op.GE: Op.LE}


def apply(op: Op, scalar: ScalarType, args: list[Range], dimensions: Dimensions) -> Range:
    """The range of an arithmetic instruction's result (of `scalar`, bool for comparisons)."""
    if op in COMPARISONS:
        return compare(op, args[0], args[1])
    if scalar is ScalarType.BOOL:
        return _logic(op, args, dimensions)
    if op is Op.SELECT:
        return replace(dimensions.join(args[1], args[2]), type=scalar)
    if scalar.is_float:
        return whole(scalar)
    if op is Op.NOT:
        a = args[0]
        low, high = (
            (~a.high, ~a.low)
            if scalar.is_signed
            else (
                scalar.maximum - a.high,
                scalar.maximum - a.low,
            )
        )
        return Range(scalar, low, high)
    if op in UNARY:
        result = UNARY[op](dimensions, args[0])
    else:
        result = BINARY[op](dimensions, args[0], args[1])
    if not fits(scalar, result.low, result.high):
        return whole(scalar)
    return replace(result, type=scalar)


def is_exact(op: Op, scalar: ScalarType, args: list[Range], dimensions: Dimensions) -> bool:
    """Whether the machine's integer result is surely the mathematical one."""
    if scalar.is_float or op not in UNARY | BINARY or not scalar.is_integer:
        return False
    if op in UNARY:
        result = UNARY[op](dimensions, args[0])
    else:
        result = BINARY[op](dimensions, args[0], args[1])
    return fits(scalar, result.low, result.high)


def _logic(op: Op, args: list[Range], dimensions: Dimensions) -> Range:
    if op is Op.AND:
        facts = args[0].facts + args[1].facts
        low, high = min(args[0].low, args[1].low), min(args[0].high, args[1].high)
        return Range(ScalarType.BOOL, low, high, facts=facts[: 4 * MOST_BOUNDS])
    if op is Op.SELECT:
        return replace(dimensions.join(args[1], args[2]), type=ScalarType.BOOL)
    return whole(ScalarType.BOOL)


def compare(op: Op, a: Range, b: Range) -> Range:
    """A comparison: undecided, but with the facts it states about where its sides came from."""
    result = whole(ScalarType.BOOL)
    if a.type.is_float or op is Op.NE:
        return result
    if op in SWAPPED:
        op, a, b = SWAPPED[op], b, a
    facts: list[Fact] = []
    gap = 1 if op is Op.LT else 0
    if a.origin is not None:
        facts.append(_at_most(a.origin, b, gap))
        if op is Op.EQ:
            facts.append(_at_least(a.origin, b, 0))
    if b.origin is not None:
        facts.append(_at_least(b.origin, a, gap))
        if op is Op.EQ:
            facts.append(_at_most(b.origin, a, 0))
    return replace(result, facts=tuple(facts))


def _at_most(origin: tuple[str, int, int], limit: Range, gap: int) -> Fact:
    return Fact(origin, high=limit.high - gap, below=shifted(limit.below, -gap))


def _at_least(origin: tuple[str, int, int], limit: Range, gap: int) -> Fact:
    return Fact(origin, low=limit.low + gap, above=shifted(limit.above, gap))


def convert(op: Op, target: ScalarType, value: Range) -> Range:
    """The range of a conversion's result."""
    source = value.type
    if target.is_float or source.is_float or op is Op.BITS:
        return whole(target)
    if fits(target, value.low, value.high):
        return replace(value, type=target, origin=None, facts=())
    if op in (Op.SATURATE, Op.NARROW):
        low = min(max(value.low, target.minimum), target.maximum)
        high = min(max(value.high, target.minimum), target.maximum)
        kept = value.below if value.low >= target.minimum or op is Op.NARROW else ()
        return Range(target, low, high, (), kept)
    return whole(target)


def keeps_value(op: Op, target: ScalarType, value: Range) -> bool:
    """Whether a conversion between integers surely gives the number it is given."""
    if op is Op.BITS or target.is_float or value.type.is_float:
        return False
    return op is Op.NARROW or fits(target, value.low, value.high)
