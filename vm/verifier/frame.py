"""What the analysis keeps of a region while it is inside, and what a reduction's region gives."""

from __future__ import annotations

from dataclasses import dataclass, field

from vm.module import Instruction, Reduction
from vm.types import ScalarType
from vm.verifier.dimensions import KernelDimensions
from vm.verifier.expression import Expression, number
from vm.verifier.instructions import ARG_REDUCTIONS, body_result, region_results
from vm.verifier.interval import Range, whole
from vm.verifier.regions import Region


@dataclass(slots=True)
class Frame:
    """A region being analysed: its stack, its cost so far, how often it runs."""

    region: Region | None
    stack: list[Range] = field(default_factory=list)
    units: int = 0
    nested: Expression = field(default_factory=lambda: number(0))
    trips: Expression = field(default_factory=lambda: number(1))
    lines: Expression = field(default_factory=lambda: number(0))
    most_trips: int = 1
    saved: dict[int, Range] = field(default_factory=dict)
    first_arm: tuple[dict[int, Range], Expression, list[Range]] | None = None
    places: list[Range] = field(default_factory=list)

    @property
    def cost(self) -> Expression:
        return self.nested + number(self.units)


def reduction_ranges(start: Instruction, frame: Frame, dimensions: KernelDimensions) -> list[Range]:
    """The ranges of what a reduction pushes."""
    if body_result(start) is None:
        return []
    reduction = start.immediates[0]
    body = frame.stack[0]
    most = frame.most_trips
    if reduction in ARG_REDUCTIONS:
        places = [Range(v.type, v.low, v.high, v.above, v.below) for v in frame.places]
        return [dimensions.join(body, body), *places]
    if reduction is Reduction.COUNT:
        fits = most <= ScalarType.I32.maximum
        return [Range(ScalarType.I32, 0, most) if fits else whole(ScalarType.I32)]
    if reduction is Reduction.SUM and not body.type.is_float:
        low, high = min(0, most * body.low), max(0, most * body.high)
        fits = body.type.minimum <= low and high <= body.type.maximum
        return [Range(body.type, low, high) if fits else whole(body.type)]
    if reduction is Reduction.SUM:
        return [whole(region_results(start)[0])]
    return [dimensions.join(body, body)]
