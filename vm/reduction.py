"""What a reduction makes of its values, line by line: a plain `reduce` is one line.

Each value comes with its place: (i,) in a `reduce`, (x, y) in a `reduce2`. The result is what the
region pushes, or None where there is no value to give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from vm.module import Reduction
from vm.opcodes import Op
from vm.scalar import CHECKED, MEANING, Value, wrap
from vm.types import ScalarType

Line = Iterable[tuple[Any, tuple[int, ...]]]
Lines = Iterable[Line]
Pushed = tuple[Value, ...] | None

LANES = 16


def _sum(scalar: ScalarType, lines: Lines) -> Pushed:
    """Every line so, and the sums of lines left to right. The sum of nothing is (+)0."""
    add = MEANING[Op.ADD]
    sums = [ordered_sum(scalar, [value for value, _ in line]) for line in lines]
    if not sums:
        return (ordered_sum(scalar, []),)
    total = sums[0]
    for value in sums[1:]:
        total = add(scalar, total, value)
    return (total,)


def ordered_sum(scalar: ScalarType, values: Sequence[Any]) -> Value:
    """The one shape of a sum: up to 16 values left to right, more in 16 lanes.

    Value k is added to lane k mod 16; then lanes are added pairwise, 8, 4, 2 and 1 apart.
    Adding begins with the first value of a lane, as if the lane had been -0.
    """
    add = MEANING[Op.ADD]
    if not values:
        return 0.0 if scalar.is_float else 0
    if len(values) <= LANES:
        total = values[0]
        for value in values[1:]:
            total = add(scalar, total, value)
        return total  # type: ignore[no-any-return]
    lanes = list(values[:LANES])
    for index in range(LANES, len(values)):
        lanes[index % LANES] = add(scalar, lanes[index % LANES], values[index])
    for apart in (8, 4, 2, 1):
        lanes = [add(scalar, lanes[lane], lanes[lane + apart]) for lane in range(apart)]
    return lanes[0]  # type: ignore[no-any-return]


def checked_sum(scalar: ScalarType, lines: Lines) -> Pushed:
    """In a checked run: integers from the first to the last; the first that is too much traps.

    Raises `ArithmeticTrap`, before any later value is asked for.
    """
    if not scalar.is_integer:
        return _sum(scalar, lines)
    total: Value = 0
    for line in lines:
        for value, _ in line:
            total = CHECKED[Op.ADD](scalar, total, value)
    return (total,)


def _extreme(op: Op) -> Callable[[ScalarType, Lines], Pushed]:
    def reduce(scalar: ScalarType, lines: Lines) -> Pushed:
        best: Value | None = None
        for line in lines:
            for value, _ in line:
                best = value if best is None else MEANING[op](scalar, best, value)
        return None if best is None else (best,)

    return reduce


def is_better(value: Any, best: Any, least: bool) -> bool:
    """Whether a later value takes the place of the best so far.

    The first of equals stays; a NaN is best only where there is nothing else.
    """
    if best != best:
        return bool(value == value)
    return bool(value < best if least else value > best)


def extreme_place(scalar: ScalarType, values: Sequence[Any], least: bool) -> int:
    """The index of the first least (or greatest) of some values."""
    best = 0
    for index, value in enumerate(values):
        if is_better(value, values[best], least):
            best = index
    return best


def _argument(least: bool) -> Callable[[ScalarType, Lines], Pushed]:
    def reduce(scalar: ScalarType, lines: Lines) -> Pushed:
        best: Pushed = None
        for line in lines:
            for value, place in line:
                if best is None or is_better(value, best[0], least):
                    best = (value, *place)
        return best

    return reduce


def _count(scalar: ScalarType, lines: Lines) -> Pushed:
    return (wrap(ScalarType.I32, sum(value for line in lines for value, _ in line)),)


REDUCTIONS: dict[Reduction, Callable[[ScalarType, Lines], Pushed]] = {
    Reduction.SUM: _sum,
    Reduction.MIN: _extreme(Op.MIN),
    Reduction.MAX: _extreme(Op.MAX),
    Reduction.ARGMIN: _argument(least=True),
    Reduction.ARGMAX: _argument(least=False),
    Reduction.COUNT: _count,
}
CHECKED_REDUCTIONS = {
    **REDUCTIONS,
    Reduction.SUM: checked_sum,
    Reduction.COUNT: lambda _, lines: checked_sum(ScalarType.I32, lines),
}
"""What they are in a checked run."""

assert set(REDUCTIONS) == set(Reduction)
