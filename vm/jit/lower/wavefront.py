"""`scan` as a wavefront: many lines at once, each so far behind the one above that all it needs
is there. Lines are rows, or columns.

What a scan carries is read at constant offsets that lie behind the running pixel. So if line n + 1
runs `skew` places behind line n, with skew >= (ahead + 1) / -down for every offset (ahead, down),
all pixels of a step are independent: one vector, one line a lane. Lines go in bands of as many as
there are lanes; the last lines of a band wait in the carry's window for the first of the next.

Each pixel is computed by the same operations in the same order as in a scalar scan, so every bit
is the same, of floats too. Lanes that are beside the image compute something harmless: they see
coordinates clamped into it, put zeros, and write nothing.

Reference: L. Lamport, "The parallel execution of DO loops", Comm. ACM 17 (1974).
"""

from __future__ import annotations

from collections.abc import Mapping

from vm.errors import OverLimit
from vm.jit.builder import Phi
from vm.jit.lower import column_tiles, images, row_tiles, tiles
from vm.jit.lower.lane_body import HANDLERS
from vm.jit.lower.lanes import INSTRUCTIONS, TOO_MUCH, NotVector
from vm.jit.lower.regions import forget
from vm.jit.lower.state import Form, Lowering
from vm.jit.lower.tiles import UNIT, Tile
from vm.jit.lower.value import Value, kind_of
from vm.jit.lower.wave import Line, Wave, enter_band, existing, lane_lines, move_history
from vm.jit.lower.wave_body import one_step
from vm.jit.lower.wave_plan import line_names, make_plan
from vm.module import Instruction

NAME = "wavefront"


def lower_scan(
    low: Lowering, position: int, instruction: Instruction, flag: Value
) -> tuple[Form, str]:
    """Lower a scan as a wavefront; or say why it stays scalar: then nothing was written.

    Also gives whether a lane trapped (an i1 operand, or "" if none can): the scan is then to be
    run in scalar form.
    """
    if low.target is None:
        return Form("scalar", low.why_scalar), ""
    region = low.regions[position]
    mark, environment, stack = low.build.mark(), low.environment(), list(low.stack)
    handlers = low.handlers
    try:
        wave = Wave(low, region, make_plan(low, region, flag))
        low.lane_body, low.handlers = wave, {**low.handlers, **HANDLERS}
        forget(low, region.assigned)
        _emit(wave)
        low.vector_instructions += low.build.count - mark.count
        if low.vector_instructions > INSTRUCTIONS:
            raise NotVector(TOO_MUCH)
        kinds = sorted({str(kind) for kind in wave.plan.types.values()})
        line, before = line_names(wave.front.is_vertical)
        shape = f"{wave.lanes} lanes, each {line} {wave.plan.skew} places behind {before}"
        shape = f"{shape}; carries {', '.join(kinds) or 'nothing'}"
        if not wave.trapped:
            return Form(NAME, shape), ""
        return Form(NAME, f"{shape}; again as scalar code where it traps"), _trapped(wave)
    except (NotVector, OverLimit) as reason:
        low.build.rewind(mark)
        low.restore(environment)
        low.stack = stack
        return Form("scalar", str(reason)), ""
    finally:
        low.lane_body, low.handlers = None, handlers


def _emit(wave: Wave) -> None:
    low = wave.low
    mark, environment = low.build.mark(), low.environment()
    wave.step = wave.time = wave.tile_step = "0"
    for history in wave.histories.values():
        history.recent = ["poison"] * history.kept
    one_step(wave)  # on trial: to see which tiles are needed
    wave.refuse_long(low.build.count - mark.count)
    low.build.rewind(mark)
    low.restore(environment)
    if wave.trapped:
        low.build.emit(f"store i{wave.lanes} 0, ptr {wave.trapped}, align 8")
    for carry, lines in wave.plan.lines.items():
        _clear_window(wave, carry, lines)
    _bands(wave)
    forget(low, wave.region.assigned)


def _trapped(wave: Wave) -> str:
    build, bits = wave.low.build, f"i{wave.lanes}"
    noted = build.value(f"load {bits}, ptr {wave.trapped}, align 8")
    return build.value(f"icmp ne {bits} {noted}, 0")


def _clear_window(wave: Wave, carry: int, lines: int) -> None:
    low = wave.low
    buffer, reach = low.carries[carry], low.facts.reaches[carry][0]
    assert buffer is not None
    stride = low.build.value(f"add i64 {wave.length}, {2 * reach.margin}")
    size = low.build.value(f"mul i64 {stride}, {lines * buffer.type.size_bytes}")
    images.zero_bytes(low, buffer.pointer, size)


def _bands(wave: Wave) -> None:
    """Bands of `lanes` lines, one after the other."""
    build = wave.low.build
    before, head, after = build.block, build.label(), build.label()
    build.jump(head)
    build.start(head)
    first = build.phi("i64")
    first.add("0", before)
    left = build.value(f"sub i64 {wave.count}, {first.name}")
    full = build.value(f"icmp ugt i64 {left}, {wave.lanes}")
    lines = build.value(f"select i1 {full}, i64 {wave.lanes}, i64 {left}")
    _band(wave, first.name, lines)
    following = build.value(f"add i64 {first.name}, {wave.lanes}")
    first.add(following, build.block)
    build.branch(build.value(f"icmp ult i64 {following}, {wave.count}"), head, after)
    build.start(after)


def _band(wave: Wave, first: str, lines: str) -> None:
    low, build = wave.low, wave.low.build
    for tile in [*wave.sources.values(), *wave.targets.values()]:
        _place_lines(wave, tile, first)
    wave.lines = lane_lines(wave, first)
    if wave.trapped:
        wave.exists = existing(wave, first)
    recent = {key: enter_band(wave, history) for key, history in wave.histories.items()}
    behind = build.value(f"mul i64 {build.value(f'sub i64 {lines}, 1')}, {wave.plan.skew}")
    end = build.value(f"add i64 {wave.length}, {behind}")
    before, head, after = build.block, build.label(), build.label()
    build.jump(head)
    build.start(head)
    block = build.phi("i64")
    block.add("0", before)
    phis = _history_phis(wave, recent, before)
    steps = _steps_left(wave, end, block.name)
    tiling = column_tiles if wave.front.is_vertical else row_tiles
    for tile in wave.sources.values():
        tiling.fill(low, wave.front, tile, block.name, steps)
    _units(wave, block.name, steps)
    for tile in wave.targets.values():
        tiling.flush(low, wave.front, tile, block.name, steps, lines)
    following = build.value(f"add i64 {block.name}, {wave.front.steps}")
    block.add(following, build.block)
    _close_phis(wave, phis)
    build.branch(build.value(f"icmp ult i64 {following}, {end}"), head, after)
    build.start(after)


def _steps_left(wave: Wave, end: str, first: str) -> str:
    """The steps of this block: as many as a block has, or what is left, in whole units."""
    build, most = wave.low.build, wave.front.steps
    left = build.value(f"sub i64 {end}, {first}")
    rounded = build.value(f"and i64 {build.value(f'add i64 {left}, {UNIT - 1}')}, {-UNIT}")
    more = build.value(f"icmp ugt i64 {left}, {most}")
    return build.value(f"select i1 {more}, i64 {most}, i64 {rounded}")


def _history_phis(
    wave: Wave, incoming: Mapping[Line, list[str]], before: str
) -> dict[Line, list[Phi]]:
    phis = {}
    for key, history in wave.histories.items():
        kind = kind_of(wave.plan.types[history.carry], wave.lanes)
        phis[key] = [wave.low.build.phi(kind) for _ in incoming[key]]
        for phi, value in zip(phis[key], incoming[key], strict=True):
            phi.add(value, before)
        history.recent = [phi.name for phi in phis[key]]
    return phis


def _close_phis(wave: Wave, phis: Mapping[Line, list[Phi]]) -> None:
    for key, each in phis.items():
        for phi, value in zip(each, wave.histories[key].recent, strict=True):
            phi.add(value, wave.low.build.block)


def _place_lines(wave: Wave, tile: Tile, first: str) -> None:
    """Where each lane's row of a tile's image begins, or where its column is in a row."""
    low, build, source = wave.low, wave.low.build, tile.source
    buffer = low.images[source.image]
    last = build.value(f"sub i64 {wave.count}, 1")

    def lane(k: str) -> None:
        wanted = build.value(f"add i64 {first}, {k}")
        there = build.value(f"icmp ult i64 {wanted}, {wave.count}")
        line = build.value(f"select i1 {there}, i64 {wanted}, i64 {last}")
        if wave.front.direction < 0:
            line = build.value(f"sub i64 {last}, {line}")
        if wave.front.is_vertical:
            start = tiles.times(low, tiles.seen_column(low, source, line), buffer.channels)
        else:
            width = tiles.times(low, buffer.width, buffer.channels)
            start = build.value(f"mul i64 {tiles.seen_row(low, source, line)}, {width}")
        slot = build.value(f"getelementptr i64, ptr {tile.starts}, i64 {k}")
        build.emit(f"store i64 {start}, ptr {slot}, align 8")

    build.repeat("0", str(wave.lanes), lane)


def _units(wave: Wave, block: str, steps: str) -> None:
    """The steps of a block, 16 at a time."""
    build = wave.low.build
    before, head, after = build.block, build.label(), build.label()
    build.jump(head)
    build.start(head)
    unit = build.phi("i64")
    unit.add("0", before)
    incoming = {key: history.recent for key, history in wave.histories.items()}
    phis = _history_phis(wave, incoming, before)
    time = build.value(f"add i64 {block}, {unit.name}")
    starts = build.value(f"icmp sge i64 {time}, {wave.plan.skew * (wave.lanes - 1)}")
    limit = build.value(f"sub i64 {wave.length}, {UNIT}")
    ends = build.value(f"icmp sle i64 {time}, {limit}")
    within = build.value(f"and i1 {starts}, {ends}")
    inner, edge, joined = build.label(), build.label(), build.label()
    build.branch(within, inner, edge)
    left = []
    for label, is_edge in ((inner, False), (edge, True)):
        build.start(label)
        for key, history in wave.histories.items():
            history.recent = [phi.name for phi in phis[key]]
        _steps(wave, time, unit.name, is_edge)
        left.append((build.block, {k: h.recent for k, h in wave.histories.items()}))
        build.jump(joined)
    build.start(joined)
    after_phis = _history_phis(wave, left[0][1], left[0][0])
    for key, each in after_phis.items():
        for phi, value in zip(each, left[1][1][key], strict=True):
            phi.add(value, left[1][0])
    for history in wave.histories.values():
        move_history(wave, history)
    following = build.value(f"add i64 {unit.name}, {UNIT}")
    unit.add(following, build.block)
    _close_phis(wave, phis)
    build.branch(build.value(f"icmp ult i64 {following}, {steps}"), head, after)
    build.start(after)


def _steps(wave: Wave, first: str, unit: str, is_edge: bool) -> None:
    """16 steps, from time `first` on; at an edge, with lanes that are beside the image."""
    build = wave.low.build
    before, head, after = build.block, build.label(), build.label()
    build.jump(head)
    build.start(head)
    step = build.phi("i64")
    step.add("0", before)
    incoming = {key: history.recent for key, history in wave.histories.items()}
    phis = _history_phis(wave, incoming, before)
    wave.step = step.name
    wave.time = build.value(f"add i64 {first}, {step.name}")
    wave.tile_step = build.value(f"add i64 {unit}, {step.name}")
    wave.is_edge = is_edge
    one_step(wave)
    following = build.value(f"add i64 {step.name}, 1")
    step.add(following, build.block)
    _close_phis(wave, phis)
    build.emit(
        f"br i1 {build.value(f'icmp ult i64 {following}, {UNIT}')}, label %{head}, "
        f"label %{after}, !llvm.loop !1"
    )
    build.start(after)
