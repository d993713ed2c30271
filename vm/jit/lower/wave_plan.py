"""Whether a scan can be a wavefront, and of which shape: by the text of its body alone."""

from __future__ import annotations

from dataclasses import dataclass

from vm.jit.lower.column_tiles import MOST_SKEW
from vm.jit.lower.lanes import NotVector
from vm.jit.lower.narrow import NARROW, Interval, find_ranges
from vm.jit.lower.regions import number
from vm.jit.lower.state import Lowering
from vm.jit.lower.tiles import UNIT, steps_of
from vm.jit.lower.value import Value
from vm.module import Order
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier.regions import Region

HISTORY_STEPS = 64  # how far back a lane may look
SKEW_PLACES = 16
RAMP_STEPS = 128  # that a band may take beyond its lines' length, for lanes that are not needed
BUSY_LANES = 32  # that are

Offset = tuple[int, int, int]  # carry, ahead, down


@dataclass(frozen=True, slots=True)
class Plan:
    """The shape of a wavefront.

    `histories` says how many steps back each (carry, down) is looked at, `lines` how many lines
    above a band each carry needs; `kept` are channels (image, channel) of written images that a
    pixel may leave as they were; `is_changed` if a written image is read at all, so that the scan
    cannot be run again.
    """

    lanes: int
    types: dict[int, ScalarType]
    ranges: dict[int, Interval]
    skew: int
    steps: int
    histories: dict[tuple[int, int], int]
    lines: dict[int, int]
    kept: tuple[tuple[int, int], ...]
    in_registers: bool
    is_changed: bool


def make_plan(low: Lowering, region: Region, flag: Value) -> Plan:
    """The plan for a scan whose flag is `flag`. Raises `NotVector`."""
    if flag.raw != 0:
        raise NotVector("lines turn around, so each begins where the one above ended")
    order = low.kernel.code[region.start].immediates[0]
    assert isinstance(order, Order)
    offsets = offsets_of(low, region)
    skew = skew_of(offsets)
    if skew > (MOST_SKEW if order.is_vertical else SKEW_PLACES):
        line, before = line_names(order.is_vertical)
        raise NotVector(f"each {line} would run {skew} places behind {before}")
    histories: dict[tuple[int, int], int] = {}
    lines: dict[int, int] = {}
    for carry, ahead, down in offsets:
        back = -(ahead + skew * down)
        histories[carry, down] = max(back, histories.get((carry, down), 0))
        if down < 0:
            lines[carry] = max(-down, lines.get(carry, 0))
    if max(histories.values(), default=0) > HISTORY_STEPS:
        raise NotVector("it looks back too far")
    target = low.target
    assert target is not None
    found = find_ranges(low, region)
    types, ranges = lane_types(low, region, found.results if found else None)
    lanes = _lanes(low, target.narrow_lanes if ranges else target.lanes, skew, lines)
    held = sum(
        entries * lanes * types[carry].size_bytes for (carry, _), entries in histories.items()
    )
    in_registers = 2 * held <= target.bytes * target.registers
    return Plan(
        lanes,
        types,
        ranges,
        skew,
        steps_of(low, touched_images(low, region)),
        histories,
        lines,
        kept_channels(low, region),
        in_registers,
        _reads_what_it_writes(low, region),
    )


def line_names(is_vertical: bool) -> tuple[str, str]:
    """What a line is called, and the one before it."""
    return ("column", "the one before") if is_vertical else ("line", "the one above")


def offsets_of(low: Lowering, region: Region) -> set[Offset]:
    """Where a scan looks at what it carries."""
    return {
        (number(step, 0), number(step, 1), number(step, 2))
        for step in low.kernel.code[region.start : region.end]
        if step.op is Op.CARRY_GET
    }


def lane_types(
    low: Lowering, region: Region, ranges: dict[int, Interval] | None
) -> tuple[dict[int, ScalarType], dict[int, Interval]]:
    """The type that each carry has in lanes, and the intervals that prove it, if it is narrow."""
    carried = {carry for carry, _, _ in offsets_of(low, region)}
    types = {c: NARROW if ranges else low.kernel.carries[c].type for c in carried}
    return types, ranges or {}


def skew_of(offsets: set[Offset]) -> int:
    """The least number of places that a line must stay behind the one above.

    What is looked at `-down` lines above, `ahead` places on, must have been put in an earlier step:
    ahead + skew · down <= -1. No line runs ahead of the one above, even where it could.
    """
    return max([0, *(-(-(ahead + 1) // -down) for _, ahead, down in offsets if down < 0)])


def _lanes(low: Lowering, lanes: int, skew: int, lines: dict[int, int]) -> int:
    """As many lanes as asked for, or fewer where the margins of the window are too narrow, or
    where the last lane would begin so late that it costs small pictures more than large ones gain.
    """
    while lanes > BUSY_LANES and skew * lanes > RAMP_STEPS:
        lanes //= 2
    for carry, count in lines.items():
        margin = low.facts.reaches[carry][0].margin
        while lanes >= UNIT and skew * (lanes + count) + 2 * UNIT > margin:
            lanes //= 2  # others than powers of two LLVM takes apart
    if lanes < UNIT:
        raise NotVector("the margins of what it carries are too narrow")
    return lanes


def touched_images(low: Lowering, region: Region) -> set[int]:
    """The images whose pixels a body reads or writes."""
    code = low.kernel.code[region.start + 1 : region.end]
    return {number(step, 0) for step in code if step.op in (Op.OWN, Op.PUT, Op.LOAD, Op.LOAD_OR)}


def _reads_what_it_writes(low: Lowering, region: Region) -> bool:
    code = low.kernel.code[region.start + 1 : region.end]
    written = {number(step, 0) for step in code if step.op is Op.PUT}
    read = {number(step, 0) for step in code if step.op is Op.OWN}
    return bool(written & read) or bool(kept_channels(low, region))


def kept_channels(low: Lowering, region: Region) -> tuple[tuple[int, int], ...]:
    """Channels of written images that are not first written by every pixel; also refuses what
    reads these images elsewhere.
    """
    first: dict[tuple[int, int], int] = {}  # how deep in regions each is first put
    depth = 0
    code = low.kernel.code[region.start + 1 : region.end]
    for step in code:
        depth += step.op in (Op.IF, Op.FOR, Op.REDUCE)
        depth -= step.op is Op.END
        if step.op is Op.PUT:
            first.setdefault((number(step, 0), number(step, 1)), depth)
    written = {image for image, _ in first}
    for step in code:
        if step.op in (Op.LOAD, Op.LOAD_OR) and number(step, 0) in written:
            raise NotVector("an image is both read elsewhere and written")
    every = {(image, c) for image in written for c in range(low.images[image].channels)}
    return tuple(sorted(key for key in every if first.get(key) != 0))
