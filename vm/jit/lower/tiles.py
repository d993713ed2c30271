"""Skewing: pixels of many lines, turned so that a step's pixels lie side by side.

In a wavefront lane k is on line n + k, `skew` places behind lane k - 1, so the pixels of one step
lie on a slanted line. A tile holds those of some steps: element [channel][step][lane]. It is filled
from an image, and written back to it, 16 lanes and 16 steps at a time, as lines are rows
(`row_tiles.py`) or columns (`column_tiles.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vm.jit.lower import images
from vm.jit.lower.lanes import CHANNELS, LaneBody, NotVector, Source
from vm.jit.lower.state import Buffer, Lowering
from vm.jit.lower.value import LLVM_TYPE
from vm.module import Border

UNIT = 16  # lanes, and steps, that are turned at once
LINE_BYTES = 64  # of a cache: a row is read and written by so much at a time


@dataclass(frozen=True, slots=True)
class Front:
    """How a wavefront lies on an image: the same for all of its tiles.

    `length` is the number of places on a line (i64 operand); lane k is `skew` · k places behind
    lane 0; with `direction` -1 places count from the right. A block has `steps` steps, and the same
    places are next wanted `rows_on` rows further down. Lines are columns if it `is_vertical`.
    """

    lanes: int
    skew: int
    direction: int
    length: str
    steps: int
    rows_on: int
    is_vertical: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """Stack memory of one source: its steps, 16 rows at an edge, and where each lane's row
    begins in its image, or its column in a row, in elements.
    """

    source: Source
    steps: str
    edge: str
    starts: str


@dataclass(frozen=True, slots=True)
class Unit:
    """16 lanes and 16 steps of a tile (i64 operands): the first lane, the step in the block, and
    the least x, or y, of the first lane.
    """

    lane: str
    step: str
    at: str


def steps_of(low: Lowering, touched: set[int]) -> int:
    """How many steps make a block for these images: a cache line of the narrowest."""
    sizes = [low.images[image].type.size_bytes for image in touched]
    return max(UNIT, LINE_BYTES // min(sizes, default=LINE_BYTES))


def new_tile(low: Lowering, body: LaneBody, front: Front, source: Source) -> Tile:
    """Room for a tile. Raises `NotVector`."""
    buffer = low.images[source.image]
    kind, size, channels = LLVM_TYPE[buffer.type], buffer.type.size_bytes, buffer.channels
    if channels > CHANNELS:
        raise NotVector(f"an image has more than {CHANNELS} channels")

    def room(count: int) -> str:
        return body.scratch(f"[{count} x {kind}]", count * size)

    starts = body.scratch(f"[{front.lanes} x i64]", 8 * front.lanes)
    steps = room(channels * front.steps * front.lanes)
    return Tile(source, steps, room(UNIT * UNIT * channels), starts)


def element(low: Lowering, base: str, buffer: Buffer, at: str) -> str:
    """The address of an element of the buffer's type."""
    return low.build.value(f"getelementptr {LLVM_TYPE[buffer.type]}, ptr {base}, i64 {at}")


def times(low: Lowering, value: str, factor: int) -> str:
    """An i64 operand, so many times."""
    return value if factor == 1 else low.build.value(f"mul i64 {value}, {factor}")


def plus(low: Lowering, value: str, number: int) -> str:
    """An i64 operand and a number."""
    return value if number == 0 else low.build.value(f"add i64 {value}, {number}")


def seen_row(low: Lowering, source: Source, y: str) -> str:
    """The row of its image that a source sees from row y of the loop, whose extents may be others.

    What is proved to be inside is so where the running pixel exists: it needs no border there.
    """
    return _seen(low, source, y, source.down, low.images[source.image].height)


def seen_column(low: Lowering, source: Source, x: str) -> str:
    """The column of its image that a source sees from column x of the loop."""
    return _seen(low, source, x, source.ahead, low.images[source.image].width)


def _seen(low: Lowering, source: Source, at: str, offset: int, size: str) -> str:
    if source.border is Border.INSIDE and not offset:
        return at
    border = Border.CLAMP if source.border is Border.INSIDE else source.border
    return images.bordered(low, border, plus(low, at, offset), size)


def step_address(low: Lowering, front: Front, tile: Tile, channel: int, step: str) -> str:
    """Where the pixels of one step lie."""
    row = plus(low, step, channel * front.steps)
    buffer = low.images[tile.source.image]
    return element(low, tile.steps, buffer, times(low, row, front.lanes))


def unit_address(
    low: Lowering, front: Front, tile: Tile, unit: Unit, channel: int, step: int
) -> str:
    """Where 16 lanes of one step of a unit lie."""
    buffer = low.images[tile.source.image]
    at = low.build.value(f"add i64 {times(low, unit.step, front.lanes)}, {unit.lane}")
    base = element(low, tile.steps, buffer, at)
    return element(low, base, buffer, str((channel * front.steps + step) * front.lanes))


def start_of(low: Lowering, tile: Tile, lane: str) -> str:
    """Where a lane's row begins in its image, or its column is in a row."""
    slot = low.build.value(f"getelementptr i64, ptr {tile.starts}, i64 {lane}")
    return low.build.value(f"load i64, ptr {slot}, align 8")


def vector_of(buffer: Buffer, count: int = 1) -> str:
    """The type of 16 elements of an image, or so many times as many."""
    return f"<{UNIT * count} x {LLVM_TYPE[buffer.type]}>"


def _places(front: Front) -> range:
    """The pixels of a row in the order of travel."""
    return range(UNIT) if front.direction > 0 else range(UNIT - 1, -1, -1)


def shuffle(low: Lowering, kind: str, a: str, b: str, mask: list[int]) -> str:
    """Elements of a, then b, by their numbers; anything where that is negative."""
    listed = ", ".join(f"i32 {index}" if index >= 0 else "i32 poison" for index in mask)
    return low.build.value(f"shufflevector {kind} {a}, {kind} {b}, <{len(mask)} x i32> <{listed}>")


def read_pixels(low: Lowering, front: Front, buffer: Buffer, row: str) -> list[str]:
    """16 pixels in one load, in the order of travel, channel by channel."""
    channels, wide = buffer.channels, vector_of(buffer, buffer.channels)
    size = buffer.type.size_bytes
    pixels = low.build.value(f"load {wide}, ptr {row}, align {size}")
    if channels == 1 and front.direction > 0:
        return [pixels]
    return [
        shuffle(low, wide, pixels, "poison", [p * channels + c for p in _places(front)])
        for c in range(channels)
    ]


def write_pixels(
    low: Lowering, front: Front, buffer: Buffer, row: str, channels: list[str]
) -> None:
    """16 pixels, given channel by channel in the order of travel, in one store."""
    pixels, width = channels[0], UNIT
    for vector in channels[1:]:
        padded = vector
        if width > UNIT:
            mask = [*range(UNIT), *([-1] * (width - UNIT))]
            padded = shuffle(low, vector_of(buffer), vector, "poison", mask)
        kind = vector_of(buffer, width // UNIT)
        pixels = shuffle(low, kind, pixels, padded, list(range(width + UNIT)))
        width += UNIT
    wide = vector_of(buffer, len(channels))
    if len(channels) > 1 or front.direction < 0:
        order = [c * UNIT + place for place in _places(front) for c in range(len(channels))]
        pixels = shuffle(low, wide, pixels, "poison", order)
    low.build.emit(f"store {wide} {pixels}, ptr {row}, align {buffer.type.size_bytes}")


def either(low: Lowering, condition: str, yes: Callable[[], None], no: Callable[[], None]) -> None:
    """One or the other, by an i1 operand."""
    build = low.build
    first, second, after = build.label(), build.label(), build.label()
    build.branch(condition, first, second)
    build.start(first)
    yes()
    build.jump(after)
    build.start(second)
    no()
    build.jump(after)
    build.start(after)


def between(low: Lowering, x: str, least: str, most: str) -> str:
    """The number from `least` to `most` that is nearest to x (i64 operands)."""
    build = low.build
    above = build.value(f"icmp sgt i64 {x}, {least}")
    raised = build.value(f"select i1 {above}, i64 {x}, i64 {least}")
    below = build.value(f"icmp slt i64 {raised}, {most}")
    return build.value(f"select i1 {below}, i64 {raised}, i64 {most}")
