"""Skewing: pixels of many lines, turned so that a step's pixels lie side by side.

In a wavefront lane k is on line n + k, `skew` places behind lane k - 1, so the pixels of one step
lie on a slanted line. A tile holds those of some steps: element [channel][step][lane]. It is
filled from the rows of an image, and written back to them, 16 lanes and 16 steps at a time, by
transposes in registers. Pixels at the edges of an image go by way of a buffer that lies as the
image does: places outside of the line hold something harmless, or what the border says, and are
never written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vm.jit.lower import images
from vm.jit.lower.lanes import CHANNELS, LaneBody, NotVector, Source
from vm.jit.lower.state import Buffer, Lowering
from vm.jit.lower.value import LLVM_TYPE
from vm.layout import PADDING_BYTES
from vm.module import Border

UNIT = 16  # lanes, and steps, that are turned at once
LINE_BYTES = 64  # of a cache: a row is read and written by so much at a time


@dataclass(frozen=True, slots=True)
class Front:
    """How a wavefront lies on an image: the same for all of its tiles.

    `length` is the number of places on a line (i64 operand); lane k is `skew` · k places behind
    lane 0; with `direction` -1 places count from the right. A block has `steps` steps, and the same
    places are next wanted `rows_on` rows further down.
    """

    lanes: int
    skew: int
    direction: int
    length: str
    steps: int
    rows_on: int


@dataclass(frozen=True, slots=True)
class Tile:
    """Stack memory of one source: its steps, 16 rows at an edge, and where each lane's row
    begins in its image, in elements.
    """

    source: Source
    steps: str
    edge: str
    starts: str


@dataclass(frozen=True, slots=True)
class _Unit:
    """16 lanes and 16 steps of a tile (i64 operands): the first lane, the step in the block, and
    the least x of the first lane.
    """

    lane: str
    step: str
    x: str


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


def _element(low: Lowering, base: str, buffer: Buffer, at: str) -> str:
    """The address of an element of the buffer's type."""
    return low.build.value(f"getelementptr {LLVM_TYPE[buffer.type]}, ptr {base}, i64 {at}")


def _times(low: Lowering, value: str, factor: int) -> str:
    return value if factor == 1 else low.build.value(f"mul i64 {value}, {factor}")


def _plus(low: Lowering, value: str, number: int) -> str:
    return value if number == 0 else low.build.value(f"add i64 {value}, {number}")


def seen_row(low: Lowering, source: Source, y: str) -> str:
    """The row of its image that a source sees from row y of the loop, whose extents may be others.

    What is proved to be inside is so where the running pixel exists: it needs no border there.
    """
    if source.border is Border.INSIDE and not source.down:
        return y
    border = Border.CLAMP if source.border is Border.INSIDE else source.border
    at = _plus(low, y, source.down)
    return images.bordered(low, border, at, low.images[source.image].height)


def step_address(low: Lowering, front: Front, tile: Tile, channel: int, step: str) -> str:
    """Where the pixels of one step lie."""
    row = _plus(low, step, channel * front.steps)
    buffer = low.images[tile.source.image]
    return _element(low, tile.steps, buffer, _times(low, row, front.lanes))


def fill(low: Lowering, front: Front, tile: Tile, first: str, steps: str) -> None:
    """Read `steps` steps from step `first` on: lane k's places begin at first - skew · k."""
    buffer = low.images[tile.source.image]

    def act(unit: _Unit) -> None:
        clear = _is_clear(low, front, buffer, unit)
        _either(low, clear, lambda: None, lambda: _copy_edges(low, front, tile, unit))
        rows = _rows(low, front, tile, unit, clear)
        channels = [_read_pixels(low, front, buffer, row) for row in rows]
        for channel in range(buffer.channels):
            vectors = [row[channel] for row in channels]
            for step, text in enumerate(_transposed(low, buffer, vectors)):
                address = _unit_address(low, front, tile, unit, channel, step)
                low.build.emit(f"store {_vector(buffer)} {text}, ptr {address}, align {UNIT}")

    _units(low, front, tile.source, tile.starts, first, steps, act)


def flush(low: Lowering, front: Front, tile: Tile, first: str, steps: str, lines: str) -> None:
    """Write `steps` steps from step `first` on, of lanes 0 .. lines - 1, to their rows."""
    build, buffer = low.build, low.images[tile.source.image]

    def act(unit: _Unit) -> None:
        last = build.value(f"add i64 {unit.lane}, {UNIT}")
        whole = build.value(f"icmp ule i64 {last}, {lines}")
        clear = build.value(f"and i1 {_is_clear(low, front, buffer, unit)}, {whole}")
        channels = []
        for channel in range(buffer.channels):
            loaded = []
            for step in range(UNIT):
                address = _unit_address(low, front, tile, unit, channel, step)
                loaded.append(build.value(f"load {_vector(buffer)}, ptr {address}, align {UNIT}"))
            channels.append(_transposed(low, buffer, loaded))
        for lane, row in enumerate(_rows(low, front, tile, unit, clear)):
            _write_pixels(low, front, buffer, row, [vectors[lane] for vectors in channels])
        _either(low, clear, lambda: None, lambda: _write_edges(low, front, tile, unit, lines))

    _units(low, front, tile.source, tile.starts, first, steps, act)


def _prefetch(low: Lowering, front: Front, source: Source, starts: str, lane: str, x: str) -> None:
    """Have what is wanted next brought near: no hardware follows so many rows."""
    build, buffer = low.build, low.images[source.image]
    channels = buffer.channels
    apart = -front.skew * front.direction * channels
    further = _times(low, buffer.width, front.rows_on * channels)
    at = build.value(f"add i64 {_times(low, x, channels)}, {further}")
    base = _element(low, buffer.pointer, buffer, at)
    for k in range(UNIT):
        slot = build.value(f"getelementptr i64, ptr {starts}, i64 {_plus(low, lane, k)}")
        start = build.value(f"load i64, ptr {slot}, align 8")
        row = _element(low, _element(low, base, buffer, start), buffer, str(k * apart))
        types = ("ptr", "i32", "i32", "i32")
        build.call("void", "llvm.prefetch.p0", types, (row, "0", "2", "1"))


def _units(
    low: Lowering,
    front: Front,
    source: Source,
    tile_starts: str,
    first: str,
    steps: str,
    act: Callable[[_Unit], None],
) -> None:
    """All units of some steps: along the rows first, so that a cache line is used up at once."""
    build = low.build
    begin = _least_x(low, front, first, source.ahead)

    def group(index: str) -> None:
        lane = _times(low, index, UNIT)
        here = build.value(f"sub i64 {begin}, {_times(low, lane, front.skew * front.direction)}")

        def part(number: str) -> None:
            step = _times(low, number, UNIT)
            moved = _times(low, step, front.direction)
            act(_Unit(lane, step, build.value(f"add i64 {here}, {moved}")))

        _prefetch(low, front, source, tile_starts, lane, here)
        build.repeat("0", build.value(f"udiv i64 {steps}, {UNIT}"), part)

    build.repeat("0", str(front.lanes // UNIT), group)


def _least_x(low: Lowering, front: Front, place: str, ahead: int) -> str:
    """The least x of 16 places from `place` on."""
    if front.direction > 0:
        return _plus(low, place, ahead)
    return low.build.value(f"sub i64 {_plus(low, front.length, ahead - UNIT)}, {place}")


def _is_clear(low: Lowering, front: Front, buffer: Buffer, unit: _Unit) -> str:
    """Whether all pixels of a unit are inside of the image."""
    build, behind = low.build, front.skew * (UNIT - 1)
    least = _plus(low, unit.x, -behind) if front.direction > 0 else unit.x
    most = unit.x if front.direction > 0 else _plus(low, unit.x, behind)
    starts = build.value(f"icmp sge i64 {least}, 0")
    ends = build.value(f"icmp sle i64 {most}, {_plus(low, buffer.width, -UNIT)}")
    return build.value(f"and i1 {starts}, {ends}")


def _unit_address(
    low: Lowering, front: Front, tile: Tile, unit: _Unit, channel: int, step: int
) -> str:
    """Where 16 lanes of one step of a unit lie."""
    buffer = low.images[tile.source.image]
    at = low.build.value(f"add i64 {_times(low, unit.step, front.lanes)}, {unit.lane}")
    base = _element(low, tile.steps, buffer, at)
    return _element(low, base, buffer, str((channel * front.steps + step) * front.lanes))


def _start(low: Lowering, tile: Tile, lane: str) -> str:
    slot = low.build.value(f"getelementptr i64, ptr {tile.starts}, i64 {lane}")
    return low.build.value(f"load i64, ptr {slot}, align 8")


def _rows(low: Lowering, front: Front, tile: Tile, unit: _Unit, clear: str) -> list[str]:
    """The addresses of 16 pixels for each lane of a unit: in the image, or in the edge buffer."""
    build, buffer = low.build, low.images[tile.source.image]
    apart = -front.skew * front.direction * buffer.channels
    base = _element(low, buffer.pointer, buffer, _times(low, unit.x, buffer.channels))
    rows = []
    for lane in range(UNIT):
        start = _start(low, tile, _plus(low, unit.lane, lane))
        inside = _element(low, _element(low, base, buffer, start), buffer, str(lane * apart))
        edge = _element(low, tile.edge, buffer, str(lane * UNIT * buffer.channels))
        rows.append(build.value(f"select i1 {clear}, ptr {inside}, ptr {edge}"))
    return rows


def _vector(buffer: Buffer, count: int = 1) -> str:
    return f"<{UNIT * count} x {LLVM_TYPE[buffer.type]}>"


def _places(front: Front) -> range:
    """The pixels of a row in the order of travel."""
    return range(UNIT) if front.direction > 0 else range(UNIT - 1, -1, -1)


def _shuffle(low: Lowering, kind: str, a: str, b: str, mask: list[int]) -> str:
    listed = ", ".join(f"i32 {index}" if index >= 0 else "i32 poison" for index in mask)
    return low.build.value(f"shufflevector {kind} {a}, {kind} {b}, <{len(mask)} x i32> <{listed}>")


def _read_pixels(low: Lowering, front: Front, buffer: Buffer, row: str) -> list[str]:
    """16 pixels in one load, in the order of travel, channel by channel."""
    channels, wide = buffer.channels, _vector(buffer, buffer.channels)
    size = buffer.type.size_bytes
    pixels = low.build.value(f"load {wide}, ptr {row}, align {size}")
    if channels == 1 and front.direction > 0:
        return [pixels]
    return [
        _shuffle(low, wide, pixels, "poison", [p * channels + c for p in _places(front)])
        for c in range(channels)
    ]


def _write_pixels(
    low: Lowering, front: Front, buffer: Buffer, row: str, channels: list[str]
) -> None:
    """16 pixels, given channel by channel in the order of travel, in one store."""
    pixels, width = channels[0], UNIT
    for vector in channels[1:]:
        padded = vector
        if width > UNIT:
            mask = [*range(UNIT), *([-1] * (width - UNIT))]
            padded = _shuffle(low, _vector(buffer), vector, "poison", mask)
        kind = _vector(buffer, width // UNIT)
        pixels = _shuffle(low, kind, pixels, padded, list(range(width + UNIT)))
        width += UNIT
    wide = _vector(buffer, len(channels))
    if len(channels) > 1 or front.direction < 0:
        order = [c * UNIT + place for place in _places(front) for c in range(len(channels))]
        pixels = _shuffle(low, wide, pixels, "poison", order)
    low.build.emit(f"store {wide} {pixels}, ptr {row}, align {buffer.type.size_bytes}")


def _transposed(low: Lowering, buffer: Buffer, rows: list[str]) -> list[str]:
    """16 vectors of 16 elements, transposed by four rounds of interleaving."""
    kind, half = _vector(buffer), UNIT // 2
    masks = [
        [index for i in range(start, start + half) for index in (i, i + UNIT)]
        for start in (0, half)
    ]
    for _ in range(UNIT.bit_length() - 1):
        rows = [
            _shuffle(low, kind, rows[i], rows[i + half], mask)
            for i in range(half)
            for mask in masks
        ]
    return rows


# Edges.


def _either(low: Lowering, condition: str, yes: Callable[[], None], no: Callable[[], None]) -> None:
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


def _edge_rows(
    low: Lowering,
    front: Front,
    tile: Tile,
    unit: _Unit,
    lanes: str,
    act: Callable[[str, str, str], None],
) -> None:
    """The rows of some lanes of a unit: the least x, where the image's row begins, the address in
    the edge buffer.
    """
    build, buffer = low.build, low.images[tile.source.image]

    def lane(k: str) -> None:
        x = build.value(f"sub i64 {unit.x}, {_times(low, k, front.skew * front.direction)}")
        start = _start(low, tile, build.value(f"add i64 {unit.lane}, {k}"))
        row = _element(low, buffer.pointer, buffer, start)
        at = _times(low, k, UNIT * buffer.channels)
        act(x, row, _element(low, tile.edge, buffer, at))

    build.repeat("0", lanes, lane, is_short=True)


def _copy_row(low: Lowering, buffer: Buffer, source: str, target: str) -> None:
    kind, size = _vector(buffer, buffer.channels), buffer.type.size_bytes
    pixels = low.build.value(f"load {kind}, ptr {source}, align {size}")
    low.build.emit(f"store {kind} {pixels}, ptr {target}, align {size}")


def _copy_pixel(low: Lowering, buffer: Buffer, source: str, target: str) -> None:
    kind, size = LLVM_TYPE[buffer.type], buffer.type.size_bytes
    for channel in range(buffer.channels):
        taken = _element(low, source, buffer, str(channel))
        value = low.build.value(f"load {kind}, ptr {taken}, align {size}")
        put = _element(low, target, buffer, str(channel))
        low.build.emit(f"store {kind} {value}, ptr {put}, align {size}")


def _pixel(low: Lowering, buffer: Buffer, row: str, x: str) -> str:
    return _element(low, row, buffer, _times(low, x, buffer.channels))


def _is_within(low: Lowering, x: str, width: str) -> str:
    """Whether x .. x + 15 are all inside."""
    build = low.build
    starts = build.value(f"icmp sge i64 {x}, 0")
    ends = build.value(f"icmp sle i64 {x}, {_plus(low, width, -UNIT)}")
    return build.value(f"and i1 {starts}, {ends}")


def _between(low: Lowering, x: str, least: str, most: str) -> str:
    build = low.build
    above = build.value(f"icmp sgt i64 {x}, {least}")
    raised = build.value(f"select i1 {above}, i64 {x}, i64 {least}")
    below = build.value(f"icmp slt i64 {raised}, {most}")
    return build.value(f"select i1 {below}, i64 {raised}, i64 {most}")


def _copy_edges(low: Lowering, front: Front, tile: Tile, unit: _Unit) -> None:
    """Pixels of a unit into the edge buffer, through the border.

    Where the running pixel itself is beside the image, what is read does not matter: the padding
    around every image in the arena, if a row of 16 pixels fits in it.
    """
    source, buffer = tile.source, low.images[tile.source.image]
    fits = UNIT * buffer.channels * buffer.type.size_bytes <= PADDING_BYTES
    border = Border.CLAMP if source.border is Border.INSIDE else source.border

    def row(x: str, begin: str, edge: str) -> None:
        if fits and source.border is Border.INSIDE:
            near = _between(low, x, str(-UNIT), buffer.width)
            _copy_row(low, buffer, _pixel(low, buffer, begin, near), edge)
            return

        def pixel(index: str) -> None:
            at = low.build.value(f"add i64 {x}, {index}")
            running = images.bordered(
                low, Border.CLAMP, _plus(low, at, -source.ahead), front.length
            )
            seen = images.bordered(low, border, _plus(low, running, source.ahead), buffer.width)
            _copy_pixel(
                low, buffer, _pixel(low, buffer, begin, seen), _pixel(low, buffer, edge, index)
            )

        _either(
            low,
            _is_within(low, x, buffer.width),
            lambda: _copy_row(low, buffer, _pixel(low, buffer, begin, x), edge),
            lambda: low.build.repeat("0", str(UNIT), pixel),
        )

    _edge_rows(low, front, tile, unit, str(UNIT), row)


def _write_edges(low: Lowering, front: Front, tile: Tile, unit: _Unit, lines: str) -> None:
    """Pixels of a unit from the edge buffer, where they are on their line and it exists."""
    build, buffer = low.build, low.images[tile.source.image]
    lanes = _between(low, build.value(f"sub i64 {lines}, {unit.lane}"), "0", str(UNIT))

    def row(x: str, begin: str, edge: str) -> None:
        first = _between(low, build.value(f"sub i64 0, {x}"), "0", str(UNIT))
        last = _between(low, build.value(f"sub i64 {front.length}, {x}"), "0", str(UNIT))

        def pixel(index: str) -> None:
            at = build.value(f"add i64 {x}, {index}")
            _copy_pixel(
                low, buffer, _pixel(low, buffer, edge, index), _pixel(low, buffer, begin, at)
            )

        _either(
            low,
            _is_within(low, x, buffer.width),
            lambda: _copy_row(low, buffer, edge, _pixel(low, buffer, begin, x)),
            lambda: build.repeat(first, last, pixel),
        )

    _edge_rows(low, front, tile, unit, lanes, row)
