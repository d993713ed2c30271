"""What the analysis keeps of a region while it is inside, and what a reduction's region gives."""

from __future__ import annotations

from msgspec import Struct, field

from vm.module import Instruction, Reduction
from vm.opcodes import Op
from vm.verifier.dimensions import KernelDimensions
from vm.verifier.expression import Expression, number
from vm.verifier.instructions import ARG_REDUCTIONS, body_result, region_results
from vm.verifier.interval import Range, fits, whole
from vm.verifier.regions import Region

SUMS = frozenset({Reduction.SUM, Reduction.COUNT})


class Frame(Struct):
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
    if reduction in ARG_REDUCTIONS:
        places = [Range(v.type, v.low, v.high, v.above, v.below) for v in frame.places]
        return [dimensions.join(body, body), *places]
    if reduction in SUMS:
        scalar = region_results(start)[0]
        low, high = _partial_sums(frame)
        return [Range(scalar, low, high) if is_exact_sum(start, frame) else whole(scalar)]
    return [dimensions.join(body, body)]


def is_exact_sum(start: Instruction, frame: Frame) -> bool:
    """Whether a region is an integer sum (or count) that never leaves its type on the way."""
    if start.op not in (Op.REDUCE, Op.REDUCE_2D) or start.immediates[0] not in SUMS:
        return False
    scalar = region_results(start)[0]
    return scalar.is_integer and fits(scalar, *_partial_sums(frame))


def _partial_sums(frame: Frame) -> tuple[int, int]:
    """What sums of up to as many values as there may be can be; a true counts 1."""
    body, most = frame.stack[0], frame.most_trips
    return min(0, most * body.low), max(0, most * body.high)
