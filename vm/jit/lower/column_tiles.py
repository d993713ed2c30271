"""Tiles of lines that are columns: 16 neighbours on a row lie side by side already, each of them
`skew` steps later than the one before it.

So rows are slanted in four rounds: lanes whose number has bit b take what lies skew · 2^b rows
above. They are straightened the same way to be written; of the rows at the ends of a unit some
pixels belong to other units, and are put back as they were. What is not all inside goes pixel by
pixel.
"""

from __future__ import annotations

from collections.abc import Callable

from vm.jit.lower import images
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
    seen_row,
    shuffle,
    start_of,
    step_address,
    times,
    unit_address,
    vector_of,
    write_pixels,
)
from vm.jit.lower.value import LLVM_TYPE
from vm.module import Border

MOST_SKEW = 3
"""For each place that columns lie behind, 15 rows more are read for 16."""

Rows = dict[int, str]
"""Vectors of 16 pixels, by row from the place of a unit's first lane at its first step."""


def fill(low: Lowering, front: Front, tile: Tile, first: str, steps: str) -> None:
    """Read `steps` steps from step `first` on: lane k's places begin at first - skew · k."""
    buffer, source = low.images[tile.source.image], tile.source

    def whole(unit: Unit) -> None:
        addresses = _addresses(low, front, tile, unit)
        pixels = {row: read_pixels(low, front, buffer, at) for row, at in addresses.items()}
        for channel in range(buffer.channels):
            rows = {row: vectors[channel] for row, vectors in pixels.items()}
            slanted = _moved(low, buffer, rows, -front.skew, 2)
            for step in range(UNIT):
                address = unit_address(low, front, tile, unit, channel, step)
                text = f"store {vector_of(buffer)} {slanted[step]}, ptr {address}, align {UNIT}"
                low.build.emit(text)

    def edges(unit: Unit) -> None:
        def pixel(lane: str, step: str, place: str) -> None:
            running = images.bordered(low, Border.CLAMP, place, front.length)
            row = _row(low, buffer, seen_row(low, source, running))
            _copy(low, front, tile, (lane, step), _pixel(low, tile, row, lane), is_read=True)

        _each(low, front, unit, ("0", str(UNIT)), str(UNIT), pixel)

    def act(unit: Unit) -> None:
        at = plus(low, unit.at, source.down)
        clear = _is_clear(low, front, tile, at, unit.lane, buffer.height)
        either(low, clear, lambda: whole(unit), lambda: edges(unit))

    _units(low, front, first, steps, act)


def flush(low: Lowering, front: Front, tile: Tile, first: str, steps: str, lines: str) -> None:
    """Write `steps` steps from step `first` on, of lanes 0 .. lines - 1, to their columns."""
    build, buffer = low.build, low.images[tile.source.image]

    def whole(unit: Unit) -> None:
        channels = []
        for channel in range(buffer.channels):
            loaded = {}
            for step in range(UNIT):
                address = unit_address(low, front, tile, unit, channel, step)
                load = f"load {vector_of(buffer)}, ptr {address}, align {UNIT}"
                loaded[step] = build.value(load)
            channels.append(_moved(low, buffer, loaded, front.skew, 1))
        for row, address in _addresses(low, front, tile, unit).items():
            vectors = [rows[row] for rows in channels]
            mask = [k if 0 <= row + front.skew * k < UNIT else UNIT + k for k in range(UNIT)]
            if max(mask) >= UNIT:
                kept = read_pixels(low, front, buffer, address)
                vectors = [
                    shuffle(low, vector_of(buffer), vector, before, mask)
                    for vector, before in zip(vectors, kept, strict=True)
                ]
            write_pixels(low, front, buffer, address, vectors)

    def edges(unit: Unit) -> None:
        def pixel(lane: str, step: str, place: str) -> None:
            address = _pixel(low, tile, _row(low, buffer, place), lane)
            _copy(low, front, tile, (lane, step), address, is_read=False)

        lanes = between(low, build.value(f"sub i64 {lines}, {unit.lane}"), "0", str(UNIT))
        _each(low, front, unit, None, lanes, pixel)

    def act(unit: Unit) -> None:
        last = build.value(f"add i64 {unit.lane}, {UNIT}")
        there = build.value(f"icmp ule i64 {last}, {lines}")
        inside = _is_clear(low, front, tile, unit.at, unit.lane, front.length)
        clear = build.value(f"and i1 {inside}, {there}")
        either(low, clear, lambda: whole(unit), lambda: edges(unit))

    _units(low, front, first, steps, act)


def _units(
    low: Lowering, front: Front, first: str, steps: str, act: Callable[[Unit], None]
) -> None:
    """All units of some steps."""
    build = low.build

    def part(number: str) -> None:
        step = times(low, number, UNIT)
        here = build.value(f"add i64 {first}, {step}")

        def group(index: str) -> None:
            lane = times(low, index, UNIT)
            behind = times(low, lane, front.skew) if front.skew else "0"
            act(Unit(lane, step, build.value(f"sub i64 {here}, {behind}")))

        build.repeat("0", str(front.lanes // UNIT), group)

    build.repeat("0", build.value(f"udiv i64 {steps}, {UNIT}"), part)


def _is_clear(low: Lowering, front: Front, tile: Tile, at: str, lane: str, height: str) -> str:
    """Whether 16 lanes see 16 neighbours, and all rows of a unit are inside."""
    build, channels = low.build, low.images[tile.source.image].channels
    left, right = start_of(low, tile, lane), start_of(low, tile, plus(low, lane, UNIT - 1))
    apart = build.value(f"sub i64 {right}, {left}")
    tests = [
        build.value(f"icmp eq i64 {apart}, {(UNIT - 1) * channels}"),
        build.value(f"icmp sge i64 {at}, {front.skew * (UNIT - 1)}"),
        build.value(f"icmp sle i64 {at}, {plus(low, height, -UNIT)}"),
    ]
    return build.value(f"and i1 {build.value(f'and i1 {tests[0]}, {tests[1]}')}, {tests[2]}")


def _row(low: Lowering, buffer: Buffer, y: str) -> str:
    """The address of a row."""
    stride = times(low, buffer.width, buffer.channels)
    return element(low, buffer.pointer, buffer, low.build.value(f"mul i64 {y}, {stride}"))


def _pixel(low: Lowering, tile: Tile, row: str, lane: str) -> str:
    """The address of a lane's pixel on a row."""
    return element(low, row, low.images[tile.source.image], start_of(low, tile, lane))


def _addresses(low: Lowering, front: Front, tile: Tile, unit: Unit) -> Rows:
    """The addresses of the first lane's pixels on all rows that a unit touches."""
    buffer, least = low.images[tile.source.image], -front.skew * (UNIT - 1)
    stride = times(low, buffer.width, buffer.channels)
    at = _row(low, buffer, plus(low, unit.at, tile.source.down + least))
    found = {least: _pixel(low, tile, at, unit.lane)}
    for row in range(least + 1, UNIT):
        found[row] = element(low, found[row - 1], buffer, stride)
    return found


def _moved(low: Lowering, buffer: Buffer, rows: Rows, apart: int, sources: int) -> Rows:
    """Rows of which lane k has what lies apart · k rows on, in four rounds: lanes whose number has
    a bit take what lies so far. In each round there are those rows that have at least so many of
    their two `sources`; what comes of the other is anything.
    """
    for bit in (1, 2, 4, 8) if apart else ():
        on = apart * bit
        mask = [k + UNIT * bool(k & bit) for k in range(UNIT)]
        rows = {
            row: shuffle(
                low, vector_of(buffer), rows.get(row, "poison"), rows.get(row + on, "poison"), mask
            )
            for row in sorted(rows.keys() | {row - on for row in rows})
            if (row in rows) + (row + on in rows) >= sources
        }
    return rows


# Edges.


def _each(
    low: Lowering,
    front: Front,
    unit: Unit,
    steps: tuple[str, str] | None,
    lanes: str,
    act: Callable[[str, str, str], None],
) -> None:
    """Each pixel of some lanes of a unit: lane, step in the block, place. Without `steps` those
    whose places are on their line.
    """
    build = low.build

    def lane(k: str) -> None:
        behind = times(low, k, front.skew) if front.skew else "0"
        at = build.value(f"sub i64 {unit.at}, {behind}")
        here = build.value(f"add i64 {unit.lane}, {k}")

        def step(index: str) -> None:
            number = build.value(f"add i64 {unit.step}, {index}")
            act(here, number, build.value(f"add i64 {at}, {index}"))

        begin, end = steps or (
            between(low, build.value(f"sub i64 0, {at}"), "0", str(UNIT)),
            between(low, build.value(f"sub i64 {front.length}, {at}"), "0", str(UNIT)),
        )
        build.repeat(begin, end, step, is_short=True)

    build.repeat("0", lanes, lane, is_short=True)


def _copy(
    low: Lowering,
    front: Front,
    tile: Tile,
    place: tuple[str, str],
    address: str,
    *,
    is_read: bool,
) -> None:
    """A pixel from an image to a (lane, step) of a tile, or the other way."""
    lane, step = place
    buffer = low.images[tile.source.image]
    kind, size = LLVM_TYPE[buffer.type], buffer.type.size_bytes
    for channel in range(buffer.channels):
        held = element(low, step_address(low, front, tile, channel, step), buffer, lane)
        there = element(low, address, buffer, str(channel))
        source, target = (there, held) if is_read else (held, there)
        value = low.build.value(f"load {kind}, ptr {source}, align {size}")
        low.build.emit(f"store {kind} {value}, ptr {target}, align {size}")
