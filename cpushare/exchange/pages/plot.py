"""A plot of a record's field against a parameter that was swept: geometry for an SVG template.

Every answered task is a dot, and a line joins the means. Colours come from the stylesheet.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct

from cpushare.exchange.pages.results import Row
from cpushare.exchange.pages.texts import number

WIDTH, HEIGHT = 420, 280
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 14, 46
MOST_DOTS = 1_500
TICKS = 5
SAID = 12
"""Means that the description for those who do not see the plot says."""


class Tick(Struct, frozen=True):
    """A mark of an axis: where, and the number there."""

    at: float
    text: str


class Plot(Struct, frozen=True):
    """Dots and a line in a view box of `WIDTH` × `HEIGHT`, and what they say in words."""

    x: str
    y: str
    dots: list[tuple[float, float]]
    line: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    words: str


class _Axis:
    """Values to places: from `start` to `end` units of the view box."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = min(values), max(values)
        if low == high:
            low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
        self._step = _step(high - low)
        self._low = math.floor(low / self._step) * self._step
        self._high = math.ceil(high / self._step) * self._step
        self._start, self._end = start, end

    def place(self, value: float) -> float:
        """Where a value is."""
        share = (value - self._low) / (self._high - self._low)
        return round(self._start + share * (self._end - self._start), 2)

    def ticks(self) -> list[Tick]:
        """Round numbers along it."""
        steps = round((self._high - self._low) / self._step)
        values = [self._low + index * self._step for index in range(steps + 1)]
        return [Tick(self.place(value), number(float(f"{value:.10g}"))) for value in values]


def _step(span: float) -> float:
    """The round step, 1, 2 or 5 times a power of ten, that gives about `TICKS` steps."""
    rough = span / TICKS
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)


def _points(rows: Sequence[Row], x: str, y: str) -> list[tuple[float, float]]:
    found = []
    for row in rows:
        if y in row.record:
            pair = float(row.parameters[x]), float(row.record[y])
            # Numbers at the end of what floats hold have spans that they do not.
            if all(math.isfinite(value) and abs(value) < 1e300 for value in pair):
                found.append(pair)
    return found


def plot(rows: Sequence[Row], x: str, y: str) -> Plot | None:
    """Field `y` against parameter `x`; nothing if there are not two values of it to compare."""
    points = _points(rows, x, y)
    groups: dict[float, list[float]] = defaultdict(list)
    for across, up in points:
        groups[across].append(up)
    if len(groups) < 2:
        return None
    means = {across: math.fsum(groups[across]) / len(groups[across]) for across in sorted(groups)}
    horizontal = _Axis([across for across, _ in points], LEFT, WIDTH - RIGHT)
    vertical = _Axis([up for _, up in points], HEIGHT - BOTTOM, TOP)
    stride = -(-len(points) // MOST_DOTS)
    dots = [(horizontal.place(a), vertical.place(u)) for a, u in points[::stride]]
    line = " ".join(f"{horizontal.place(a)},{vertical.place(u)}" for a, u in means.items())
    some = list(means.items())[:: -(-len(means) // SAID)]
    said = "; ".join(f"{number(a)}: {number(u)}" for a, u in some)
    words = f"Mean of {y} at each {x}. {said}."
    return Plot(x, y, dots, line, horizontal.ticks(), vertical.ticks(), words)
