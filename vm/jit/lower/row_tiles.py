"""Tiles of lines that are rows: 16 × 16 pixels are transposed in registers.

Pixels at the edges of an image go by way of a buffer that lies as the image does: places outside of
the line hold something harmless, or what the border says, and are never written.
"""

from __future__ import annotations

from collections.abc import Callable

from vm.jit.lower import images
from vm.jit.lower.lanes import Source
from vm.jit.lower.state import Buffer, Lowering
from vm.jit.lower.tiles import (
    UNIT,
    Front,
    Tile,
    Unit,
    between,
    either,
    element,
    plus,
    read_pixels,
    shuffle,
    start_of,
    times,
    unit_address,
    vector_of,
    write_pixels,
)
from vm.jit.lower.value import LLVM_TYPE
from vm.layout import PADDING_BYTES
from vm.module import Border


def fill(low: Lowering, front: Front, tile: Tile, first: str, steps: str) -> None:
    """Read `steps` steps from step `first` on: lane k's places begin at first - skew · k."""
    buffer = low.images[tile.source.image]

    def act(unit: Unit) -> None:
        clear = _is_clear(low, front, buffer, unit)
        either(low, clear, lambda: None, lambda: _copy_edges(low, front, tile, unit))
        rows = _rows(low, front, tile, unit, clear)
        channels = [read_pixels(low, front, buffer, row) for row in rows]
        for channel in range(buffer.channels):
            vectors = [row[channel] for row in channels]
            for step, text in enumerate(_transposed(low, buffer, vectors)):
                address = unit_address(low, front, tile, unit, channel, step)
                low.build.emit(f"store {vector_of(buffer)} {text}, ptr {address}, align {UNIT}")

    _units(low, front, tile.source, tile.starts, first, steps, act)


def flush(low: Lowering, front: Front, tile: Tile, first: str, steps: str, lines: str) -> None:
    """Write `steps` steps from step `first` on, of lanes 0 .. lines - 1, to their rows."""
    build, buffer = low.build, low.images[tile.source.image]

    def act(unit: Unit) -> None:
        last = build.value(f"add i64 {unit.lane}, {UNIT}")
        whole = build.value(f"icmp ule i64 {last}, {lines}")
        clear = build.value(f"and i1 {_is_clear(low, front, buffer, unit)}, {whole}")
        channels = []
        for channel in range(buffer.channels):
            loaded = []
            for step in range(UNIT):
                address = unit_address(low, front, tile, unit, channel, step)
                loaded.append(build.value(f"load {vector_of(buffer)}, ptr {address}, align {UNIT}"))
            channels.append(_transposed(low, buffer, loaded))
        for lane, row in enumerate(_rows(low, front, tile, unit, clear)):
            write_pixels(low, front, buffer, row, [vectors[lane] for vectors in channels])
        either(low, clear, lambda: None, lambda: _write_edges(low, front, tile, unit, lines))

    _units(low, front, tile.source, tile.starts, first, steps, act)


def _prefetch(low: Lowering, front: Front, source: Source, starts: str, lane: str, x: str) -> None:
    """Have what is wanted next brought near: no hardware follows so many rows."""
    build, buffer = low.build, low.images[source.image]
    channels = buffer.channels
    apart = -front.skew * front.direction * channels
    further = times(low, buffer.width, front.rows_on * channels)
    at = build.value(f"add i64 {times(low, x, channels)}, {further}")
    base = element(low, buffer.pointer, buffer, at)
    for k in range(UNIT):
        slot = build.value(f"getelementptr i64, ptr {starts}, i64 {plus(low, lane, k)}")
        start = build.value(f"load i64, ptr {slot}, align 8")
        row = element(low, element(low, base, buffer, start), buffer, str(k * apart))
        types = ("ptr", "i32", "i32", "i32")
        build.call("void", "llvm.prefetch.p0", types, (row, "0", "2", "1"))


def _units(
    low: Lowering,
    front: Front,
    source: Source,
    tile_starts: str,
    first: str,
    steps: str,
    act: Callable[[Unit], None],
) -> None:
    """All units of some steps: along the rows first, so that a cache line is used up at once."""
    build = low.build
    begin = _least_x(low, front, first, source.ahead)

    def group(index: str) -> None:
        lane = times(low, index, UNIT)
        here = build.value(f"sub i64 {begin}, {times(low, lane, front.skew * front.direction)}")

        def part(number: str) -> None:
            step = times(low, number, UNIT)
            moved = times(low, step, front.direction)
            act(Unit(lane, step, build.value(f"add i64 {here}, {moved}")))

        _prefetch(low, front, source, tile_starts, lane, here)
        build.repeat("0", build.value(f"udiv i64 {steps}, {UNIT}"), part)

    build.repeat("0", str(front.lanes // UNIT), group)


def _least_x(low: Lowering, front: Front, place: str, ahead: int) -> str:
    """The least x of 16 places from `place` on."""
    if front.direction > 0:
        return plus(low, place, ahead)
    return low.build.value(f"sub i64 {plus(low, front.length, ahead - UNIT)}, {place}")


def _is_clear(low: Lowering, front: Front, buffer: Buffer, unit: Unit) -> str:
    """Whether all pixels of a unit are inside of the image."""
    build, behind = low.build, front.skew * (UNIT - 1)
    least = plus(low, unit.at, -behind) if front.direction > 0 else unit.at
    most = unit.at if front.direction > 0 else plus(low, unit.at, behind)
    starts = build.value(f"icmp sge i64 {least}, 0")
    ends = build.value(f"icmp sle i64 {most}, {plus(low, buffer.width, -UNIT)}")
    return build.value(f"and i1 {starts}, {ends}")


def _rows(low: Lowering, front: Front, tile: Tile, unit: Unit, clear: str) -> list[str]:
    """The addresses of 16 pixels for each lane of a unit: in the image, or in the edge buffer."""
    build, buffer = low.build, low.images[tile.source.image]
    apart = -front.skew * front.direction * buffer.channels
    base = element(low, buffer.pointer, buffer, times(low, unit.at, buffer.channels))
    rows = []
    for lane in range(UNIT):
        start = start_of(low, tile, plus(low, unit.lane, lane))
        inside = element(low, element(low, base, buffer, start), buffer, str(lane * apart))
        edge = element(low, tile.edge, buffer, str(lane * UNIT * buffer.channels))
        rows.append(build.value(f"select i1 {clear}, ptr {inside}, ptr {edge}"))
    return rows


def _transposed(low: Lowering, buffer: Buffer, rows: list[str]) -> list[str]:
    """16 vectors of 16 elements, transposed by four rounds of interleaving."""
    kind, half = vector_of(buffer), UNIT // 2
    masks = [
        [index for i in range(start, start + half) for index in (i, i + UNIT)]
        for start in (0, half)
    ]
    for _ in range(UNIT.bit_length() - 1):
        rows = [
            shuffle(low, kind, rows[i], rows[i + half], mask) for i in range(half) for mask in masks
        ]
    return rows


# Edges.


def _edge_rows(
    low: Lowering,
    front: Front,
    tile: Tile,
    unit: Unit,
    lanes: str,
    act: Callable[[str, str, str], None],
) -> None:
    """The rows of some lanes of a unit: the least x, where the image's row begins, the address in
    the edge buffer.
    """
    build, buffer = low.build, low.images[tile.source.image]

    def lane(k: str) -> None:
        x = build.value(f"sub i64 {unit.at}, {times(low, k, front.skew * front.direction)}")
        start = start_of(low, tile, build.value(f"add i64 {unit.lane}, {k}"))
        row = element(low, buffer.pointer, buffer, start)
        at = times(low, k, UNIT * buffer.channels)
        act(x, row, element(low, tile.edge, buffer, at))

    build.repeat("0", lanes, lane, is_short=True)


def _copy_row(low: Lowering, buffer: Buffer, source: str, target: str) -> None:
    kind, size = vector_of(buffer, buffer.channels), buffer.type.size_bytes
    pixels = low.build.value(f"load {kind}, ptr {source}, align {size}")
    low.build.emit(f"store {kind} {pixels}, ptr {target}, align {size}")


def _copy_pixel(low: Lowering, buffer: Buffer, source: str, target: str) -> None:
    """A pixel from one address to another."""
    kind, size = LLVM_TYPE[buffer.type], buffer.type.size_bytes
    for channel in range(buffer.channels):
        taken = element(low, source, buffer, str(channel))
        value = low.build.value(f"load {kind}, ptr {taken}, align {size}")
        put = element(low, target, buffer, str(channel))
        low.build.emit(f"store {kind} {value}, ptr {put}, align {size}")


def _pixel(low: Lowering, buffer: Buffer, row: str, x: str) -> str:
    return element(low, row, buffer, times(low, x, buffer.channels))


def _is_within(low: Lowering, x: str, width: str) -> str:
    """Whether x .. x + 15 are all inside."""
    build = low.build
    starts = build.value(f"icmp sge i64 {x}, 0")
    ends = build.value(f"icmp sle i64 {x}, {plus(low, width, -UNIT)}")
    return build.value(f"and i1 {starts}, {ends}")


def _copy_edges(low: Lowering, front: Front, tile: Tile, unit: Unit) -> None:
    """Pixels of a unit into the edge buffer, through the border.

    Where the running pixel itself is beside the image, what is read does not matter: the padding
    around every image in the arena, if a row of 16 pixels fits in it.
    """
    source, buffer = tile.source, low.images[tile.source.image]
    fits = UNIT * buffer.channels * buffer.type.size_bytes <= PADDING_BYTES
    border = Border.CLAMP if source.border is Border.INSIDE else source.border

    def row(x: str, begin: str, edge: str) -> None:
        if fits and source.border is Border.INSIDE:
            near = between(low, x, str(-UNIT), buffer.width)
            _copy_row(low, buffer, _pixel(low, buffer, begin, near), edge)
            return

        def pixel(index: str) -> None:
            at = low.build.value(f"add i64 {x}, {index}")
            running = images.bordered(low, Border.CLAMP, plus(low, at, -source.ahead), front.length)
            seen = images.bordered(low, border, plus(low, running, source.ahead), buffer.width)
            _copy_pixel(
                low, buffer, _pixel(low, buffer, begin, seen), _pixel(low, buffer, edge, index)
            )

        either(
            low,
            _is_within(low, x, buffer.width),
            lambda: _copy_row(low, buffer, _pixel(low, buffer, begin, x), edge),
            lambda: low.build.repeat("0", str(UNIT), pixel),
        )

    _edge_rows(low, front, tile, unit, str(UNIT), row)


def _write_edges(low: Lowering, front: Front, tile: Tile, unit: Unit, lines: str) -> None:
    """Pixels of a unit from the edge buffer, where they are on their line and it exists."""
    build, buffer = low.build, low.images[tile.source.image]
    lanes = between(low, build.value(f"sub i64 {lines}, {unit.lane}"), "0", str(UNIT))

    def row(x: str, begin: str, edge: str) -> None:
        first = between(low, build.value(f"sub i64 0, {x}"), "0", str(UNIT))
        last = between(low, build.value(f"sub i64 {front.length}, {x}"), "0", str(UNIT))

        def pixel(index: str) -> None:
            at = build.value(f"add i64 {x}, {index}")
            _copy_pixel(
                low, buffer, _pixel(low, buffer, edge, index), _pixel(low, buffer, begin, at)
            )

        either(
            low,
            _is_within(low, x, buffer.width),
            lambda: _copy_row(low, buffer, edge, _pixel(low, buffer, begin, x)),
            lambda: build.repeat(first, last, pixel),
        )

    _edge_rows(low, front, tile, unit, lanes, row)
