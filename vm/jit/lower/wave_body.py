"""One step of a wavefront: a scan's body, for one pixel in every lane."""

from __future__ import annotations

from dataclasses import replace

from vm.jit.lower import images, integers, narrow
from vm.jit.lower.lanes import Source
from vm.jit.lower.regions import forget
from vm.jit.lower.value import LLVM_TYPE, Affine, Value, constant
from vm.jit.lower.wave import BOOL, I32, Wave, added, numbers, spread_index
from vm.limits import AXIS_PIXELS
from vm.opcodes import Op


def one_step(wave: Wave) -> None:
    """One step: one pixel in every lane."""
    low, region = wave.low, wave.region
    instruction = low.kernel.code[region.start]
    time = wave.time
    places = added(wave, spread_index(wave, time), numbers(wave, -wave.plan.skew))
    length = spread_index(wave, wave.length)
    wave.places = places
    inside = low.instruction(BOOL, f"icmp ult {low.typed(places)}, {low.text(length)}", places)
    wave.inside = inside
    forget(low, region.assigned)
    wave.x, wave.y = _coordinates(wave, places, length)
    _, d_local, x_local, y_local, _, _ = instruction.immediates
    for local, value in ((d_local, constant(I32, wave.front.direction)),
                         (x_local, wave.x), (y_local, wave.y)):  # fmt: skip
        assert isinstance(local, int)
        low.locals[local] = value
    wave.put, wave.carried = {}, {}
    for image, channel in wave.plan.kept:
        wave.put[image, channel] = wave.pixel(Source(image), channel)
    low.body(region.start + 1, region.end)
    forget(low, region.assigned)
    wave.write_put()
    for carry, value in wave.carried.items():
        if carry in wave.plan.types:  # else it is put, but nobody looks at it
            _remember(wave, carry, value, inside, time)


def _coordinates(wave: Wave, places: Value, length: Value) -> tuple[Value, Value]:
    """X and y as the body sees them: of the nearest pixel that exists."""
    low, backwards = wave.low, wave.front.direction < 0
    last = low.instruction(I32, f"sub {low.typed(length)}, {length.filled(1)}", length)
    zero = replace(constant(I32, 0), lanes=wave.lanes)
    along = places
    if wave.is_edge:
        along = integers.extreme(low, Op.MIN, integers.extreme(low, Op.MAX, places, zero), last)
    across = wave.lines
    if backwards:
        along = low.instruction(I32, f"sub {low.typed(last)}, {low.text(along)}", along)
        count = spread_index(wave, low.build.value(f"sub i64 {wave.count}, 1"))
        across = low.instruction(I32, f"sub {low.typed(count)}, {low.text(across)}", across)
    x, y = (across, along) if wave.front.is_vertical else (along, across)
    last_index = AXIS_PIXELS - 1
    return (
        replace(x, affine=Affine(0, 0), low=0, high=last_index),
        replace(y, affine=Affine(1, 0), low=0, high=last_index),
    )


def _remember(wave: Wave, carry: int, value: Value, inside: Value, time: str) -> None:
    """What was put, for later steps, lower lanes and the next band."""
    low, build = wave.low, wave.low.build
    scalar = wave.plan.types[carry]
    if wave.plan.ranges:
        value = narrow.as_type(low, value, scalar)
    kept = low.spread(value, wave.lanes)
    if wave.is_edge:
        kept = integers.choose(low, inside, kept, constant(scalar, 0))
    for history in wave.histories.values():
        if history.carry != carry:
            continue
        newest = kept
        if history.down:
            first = wave.entering(carry, history.down, time)
            newest = wave.handed_down(kept, history.down, first)
        history.recent = [low.text(newest), *history.recent[:-1]]
        if history.memory:
            at = build.value(f"add i64 {wave.step}, {history.entries}")
            address = wave.entry(history, at)
            build.emit(f"store {low.typed(newest)}, ptr {address}, align 16")
    buffer = low.carries[carry]
    for lines in range(1, wave.plan.lines.get(carry, 0) + 1):
        assert buffer is not None
        lane = wave.lanes - lines
        last = build.value(f"extractelement {low.typed(kept)}, i64 {lane}")
        place = build.value(f"add i64 {time}, {-wave.plan.skew * lane}")
        address = wave.above(carry, lines, place)
        images.store(low, replace(buffer, type=scalar), address, last, LLVM_TYPE[scalar])
