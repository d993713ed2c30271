"""What the verifier knows of a value: an interval, bounds relative to dimensions, exact form.

All integers here are exact Python integers. A `Range` describes a set of values that contains
every value the instruction can push; being larger than needed is always safe. Nothing is ever
refused by arithmetic: a result whose exact interval leaves its type becomes the whole type.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from vm.limits import AXIS_PIXELS
from vm.types import ScalarType
from vm.verifier.expression import Expression

Bounds = tuple[tuple[int, int], ...]
"""(dimension, offset) pairs, sorted, one a dimension: bounds of the form dimension + offset."""

Origin = tuple[str, int, int]
"""("local", index, version), ("dimension", index, 0) or ("parameter", index, 0): where a value was
read from."""


class Fact(Struct, frozen=True):
    """What a comparison says of the value at `origin` if it is true."""

    origin: Origin
    low: int | None = None
    high: int | None = None
    above: Bounds = ()
    below: Bounds = ()


class Range(Struct, frozen=True):
    """The values an integer, a bool (0, 1) or a float (of which nothing is known) can have.

    low <= value <= high; value >= dimension + offset for all of `above`, <= for all of `below`;
    value = `exact` if that is given. `facts` hold if the value is a bool and true.
    """

    type: ScalarType
    low: int = 0
    high: int = 0
    above: Bounds = ()
    below: Bounds = ()
    exact: Expression | None = None
    origin: Origin | None = None
    facts: tuple[Fact, ...] = ()


def whole(scalar: ScalarType) -> Range:
    """Any value of the type."""
    return Range(scalar) if scalar.is_float else Range(scalar, scalar.minimum, scalar.maximum)


def fits(scalar: ScalarType, low: int, high: int) -> bool:
    """Whether an exact interval lies within an integer type."""
    return scalar.minimum <= low and high <= scalar.maximum


def shifted(bounds: Bounds, by: int) -> Bounds:
    """The bounds of value + by."""
    return tuple((dimension, offset + by) for dimension, offset in bounds)


def tighter_below(left: Bounds, right: Bounds) -> Bounds:
    """Both upper bounds hold: the lesser offset for each dimension."""
    merged = dict(left)
    for dimension, offset in right:
        merged[dimension] = min(offset, merged.get(dimension, offset))
    return tuple(sorted(merged.items()))


def tighter_above(left: Bounds, right: Bounds) -> Bounds:
    """Both lower bounds hold: the greater offset for each dimension."""
    merged = dict(left)
    for dimension, offset in right:
        merged[dimension] = max(offset, merged.get(dimension, offset))
    return tuple(sorted(merged.items()))


class Dimensions:
    """What is known of the dimensions: intervals, linear relations, learned upper bounds."""

    def __init__(self, bases: tuple[tuple[int, int], ...]) -> None:
        """`bases[k]` = (base, offset) where dimension k is that base dimension + offset."""
        self.bases = bases
        self.low = [1] * len(bases)
        self.high = [AXIS_PIXELS] * len(bases)
        self.below: list[Bounds] = [()] * len(bases)
        for index, (base, offset) in enumerate(bases):
            self.narrow(base, 1 - offset, AXIS_PIXELS - offset)
            self.narrow(index, self.low[base] + offset, self.high[base] + offset)

    def narrow(self, index: int, low: int, high: int) -> None:
        """Learn that low <= dimension <= high."""
        self.low[index] = max(self.low[index], low)
        self.high[index] = min(self.high[index], high)

    def learn(self, fact: Fact) -> None:
        """Learn what a `require` says of a dimension."""
        index = fact.origin[1]
        base, offset = self.bases[index]
        low = self.low[index] if fact.low is None else fact.low
        high = self.high[index] if fact.high is None else fact.high
        self.narrow(index, low, high)
        self.narrow(base, low - offset, high - offset)
        self.below[base] = tighter_below(self.below[base], shifted(fact.below, -offset))
        for other, gap in fact.above:  # dimension >= other + gap, so other <= base + offset - gap
            self.below[other] = tighter_below(self.below[other], ((base, offset - gap),))

    def range_of(self, index: int, exact: Expression) -> Range:
        """The dimension itself as a value."""
        bound = (self.bases[index],)
        return Range(
            ScalarType.I32,
            self.low[index],
            self.high[index],
            bound,
            bound,
            exact,
            ("dimension", index, 0),
        )

    def upper_offset(self, value: Range, base: int) -> int:
        """The least c known such that value <= base + c."""
        best = value.high - self.low[base]
        for dimension, offset in value.below:
            if dimension == base:
                best = min(best, offset)
            for other, gap in self.below[dimension]:
                if other == base:
                    best = min(best, offset + gap)
        return best

    def lower_offset(self, value: Range, base: int) -> int:
        """The greatest c known such that value >= base + c."""
        best = value.low - self.high[base]
        for dimension, offset in value.above:
            if dimension == base:
                best = max(best, offset)
        return best

    def is_inside(self, value: Range, index: int) -> bool:
        """Whether 0 <= value < dimension is proved."""
        base, offset = self.bases[index]
        if value.low < 0:
            return False
        return value.high < self.low[index] or self.upper_offset(value, base) < offset

    def join(self, left: Range, right: Range) -> Range:
        """Either of two values of one type."""
        if left.type.is_float:
            return Range(left.type)
        below = tuple(
            (base, max(self.upper_offset(left, base), self.upper_offset(right, base)))
            for base in sorted({base for base, _ in left.below + right.below})
        )
        above = tuple(
            (base, min(self.lower_offset(left, base), self.lower_offset(right, base)))
            for base in sorted({base for base, _ in left.above + right.above})
        )
        exact = left.exact if left.exact == right.exact else None
        low, high = min(left.low, right.low), max(left.high, right.high)
        return Range(left.type, low, high, above, below, exact)


def refined(value: Range, fact: Fact) -> Range:
    """The value, knowing a fact about it."""
    low = value.low if fact.low is None else max(value.low, fact.low)
    high = value.high if fact.high is None else min(value.high, fact.high)
    return replace(
        value,
        low=min(low, high),  # a fact that cannot hold traps: any interval is right behind it
        high=high,
        above=tighter_above(value.above, fact.above),
        below=tighter_below(value.below, fact.below),
    )
