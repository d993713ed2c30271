"""Why an access was not proved to be inside: the missing fact, in words.

A `Doubt` is one bound that is missing of one index. Nothing but messages is made of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from vm.limits import AXIS_PIXELS
from vm.verifier.interval import Dimensions, Range


class Doubt(Struct, frozen=True):
    """What an index, called `index`, may be: too small (`least`), or too large.

    Too large is at most `most`, the end of `extent` plus `beyond`, or without any bound (all
    None).
    """

    index: str
    extent: str
    least: int | None = None
    most: int | None = None
    beyond: int | None = None
    is_bounded: bool = True

    def text(self, index: str = "") -> str:
        """It in words; the index may be called something else."""
        name = index or self.index
        if self.least is not None:
            if not self.is_bounded:
                return f"{name} may be negative"
            return f"{name} may be {self.least}"
        if not self.is_bounded:
            return f"nothing keeps {name} below {self.extent}"
        if self.beyond is not None and self.extent.isdecimal():
            most = int(self.extent) + self.beyond
            return f"{name} may be {most}; there are {self.extent} elements"
        if self.beyond == 0:
            return f"{name} may equal {self.extent}"
        if self.beyond is not None:
            return f"{name} may be {self.extent} + {self.beyond}"
        return f"{name} may be {self.most}, and {self.extent} less"


def pixel_doubts(
    dimensions: Dimensions, value: Range, dimension: int, name: str
) -> Iterator[Doubt]:
    """What is missing for 0 <= value < dimension; `name` is like "src.width"."""
    axis = "x" if name.endswith("width") else "y"
    yield from _too_small(value, axis, name)
    base, offset = dimensions.bases[dimension]
    if value.high < dimensions.low[dimension] or dimensions.upper_offset(value, base) < offset:
        return
    related = {base for base, _ in value.below}
    related |= {other for each in related for other, _ in dimensions.below[each]}
    if base in related:
        yield Doubt(axis, name, beyond=dimensions.upper_offset(value, base) - offset)
    elif value.high >= AXIS_PIXELS - 1:
        yield Doubt(axis, name, is_bounded=False)
    else:
        yield Doubt(axis, name, most=value.high)


def element_doubts(value: Range, length: int) -> Iterator[Doubt]:
    """What is missing for 0 <= value < length."""
    yield from _too_small(value, "the index", str(length))
    if value.high >= length:
        bounded = value.high < value.type.maximum
        beyond = value.high - length if bounded else None
        yield Doubt("the index", str(length), beyond=beyond, is_bounded=bounded)


def _too_small(value: Range, index: str, extent: str) -> Iterator[Doubt]:
    if value.low < 0:
        bounded = value.low > value.type.minimum
        yield Doubt(index, extent, least=value.low, is_bounded=bounded)


def merged(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """The worst doubt of each side of each index: an access may have been copied."""
    worst: dict[tuple[str, bool], Doubt] = {}
    for doubt in doubts:
        side = (doubt.index, doubt.least is None)
        other = worst.setdefault(side, doubt)
        if _badness(doubt) > _badness(other):
            worst[side] = doubt
    return tuple(worst.values())


def _badness(doubt: Doubt) -> tuple[bool, bool, int]:
    distance = -doubt.least if doubt.least is not None else doubt.beyond or doubt.most or 0
    return not doubt.is_bounded, doubt.most is not None, distance
