"""`if` and `for`: blocks, phis for what a region assigns, unrolling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from vm.jit.builder import Phi
from vm.jit.lower import spans
from vm.jit.lower.state import Elements, Lowering
from vm.jit.lower.value import Affine, Value, constant, same
from vm.limits import AXIS_PIXELS
from vm.module import Instruction
from vm.opcodes import PIXEL_LOOPS, Op
from vm.types import ScalarType
from vm.verifier.regions import ARRAY_SLOT, Region

UNROLLED_TRIPS = 64
UNROLLED_INSTRUCTIONS = 4_000  # of bytecode, in one loop
UNROLLED_PIXEL_LOOPS = 8  # trips, if there are pixel loops inside
UNROLLED_TOTAL = 20_000  # LLVM instructions beyond which nothing more is unrolled,
UNROLLED_WALK = 100_000  # and instructions of bytecode, which may leave none of LLVM's


def number(instruction: Instruction, which: int) -> int:
    """An immediate that is a plain number."""
    value = instruction.immediates[which]
    assert isinstance(value, int)
    return value


# The environment at joins.


def slots(low: Lowering, indices: Iterable[int]) -> dict[tuple[int, int], Value]:
    """Assigned values among these slots, by (slot, element)."""
    found: dict[tuple[int, int], Value] = {}
    for slot in sorted(indices):
        if slot < ARRAY_SLOT:
            value = low.locals[slot]
            if value is not None:
                found[slot, 0] = value
        else:
            for i, element in enumerate(low.arrays[slot - ARRAY_SLOT] or ()):
                found[slot, i] = element
    return found


def set_slots(low: Lowering, values: dict[tuple[int, int], Value]) -> None:
    """Assign values by (slot, element)."""
    for (slot, element), value in values.items():
        if slot < ARRAY_SLOT:
            low.locals[slot] = value
        else:
            elements: Elements | None = low.arrays[slot - ARRAY_SLOT]
            assert elements is not None
            elements[element] = value


def forget(low: Lowering, indices: Iterable[int]) -> None:
    """Unassign slots."""
    for slot in indices:
        if slot < ARRAY_SLOT:
            low.locals[slot] = None
        else:
            low.arrays[slot - ARRAY_SLOT] = None


def merged(low: Lowering, a: Value, b: Value, phi: Phi) -> Value:
    """What is known of a phi of two values."""
    made = Value(a.type, phi.name, low=min(a.low, b.low), high=max(a.high, b.high))
    span = spans.joined(spans.span_of(a), spans.span_of(b)) if a.type.is_float else None
    return replace(made, late=a.late or b.late, span=span)


# if.


def do_if(low: Lowering, position: int, instruction: Instruction) -> None:
    """IF: only the taken arm where the condition is known."""
    region = low.regions[position]
    condition = low.pop()
    middle = region.end if region.otherwise is None else region.otherwise
    if condition.raw is not None:
        if condition.raw:
            left = low.body(position + 1, middle)
        else:
            left = low.body(middle + 1, region.end) if middle < region.end else []
        for value in left:
            low.push(value, position)
        return
    build = low.build
    yes, no, join = build.label(), build.label(), build.label()
    build.branch(low.text(condition), yes, no)
    before = low.environment()
    build.start(yes)
    left_yes = low.body(position + 1, middle)
    yes_end, after_yes = build.block, slots(low, region.assigned)
    build.jump(join)
    low.restore(before)
    build.start(no)
    left_no = low.body(middle + 1, region.end) if middle < region.end else []
    no_end, after_no = build.block, slots(low, region.assigned)
    build.jump(join)
    build.start(join)

    def join_values(a: Value, b: Value) -> Value:
        if same(a, b):
            return a
        phi = build.phi(a.kind)
        phi.add(low.text(a), yes_end)
        phi.add(low.text(b), no_end)
        return merged(low, a, b, phi)

    both = {key: join_values(a, after_no[key]) for key, a in after_yes.items() if key in after_no}
    gone = {slot for slot in region.assigned if (slot, 0) not in both}
    forget(low, gone)
    set_slots(low, both)
    for a, b in zip(left_yes, left_no, strict=True):
        low.push(join_values(a, b), position)


# for.


def do_for(low: Lowering, position: int, instruction: Instruction) -> None:
    """FOR: unrolled where it is short, else a loop with phis."""
    stop, start = low.pop(), low.pop()
    step = number(instruction, 1)
    if start.raw is not None and stop.raw is not None:
        trips = range(start.raw, stop.raw, step)
        if unrollable(low, position, len(trips)):
            _unrolled(low, position, instruction, trips)
            return
    _looped(low, position, instruction, start, stop, step)


def unrollable(low: Lowering, position: int, trips: int) -> bool:
    """Whether a loop of known trips is small enough to be written out."""
    if trips <= 1:
        return True
    region = low.regions[position]
    has_pixels = any(low.regions[p].op in PIXEL_LOOPS for p in inner_regions(low, region))
    return (
        trips <= (UNROLLED_PIXEL_LOOPS if has_pixels else UNROLLED_TRIPS)
        and trips * (region.end - position) <= UNROLLED_INSTRUCTIONS
        and low.build.count < UNROLLED_TOTAL
        and low.walked < UNROLLED_WALK
    )


def inner_regions(low: Lowering, region: Region) -> Iterator[int]:
    """Where regions inside a region start."""
    return (p for p in range(region.start + 1, region.end) if p in low.regions)


def _unrolled(low: Lowering, position: int, instruction: Instruction, trips: range) -> None:
    region = low.regions[position]
    local = number(instruction, 0)
    for i in trips:
        forget(low, region.killed - {local})
        low.locals[local] = constant(ScalarType.I32, i)
        low.body(position + 1, region.end)
    forget(low, region.killed)
    low.locals[local] = None


def _looped(
    low: Lowering, position: int, instruction: Instruction, start: Value, stop: Value, step: int
) -> None:
    region, build = low.regions[position], low.build
    first, last = low.wide(start), low.wide(stop)
    forget(low, region.killed)
    carried = slots(low, region.assigned - region.killed)
    before, head, inner, after = build.block, build.label(), build.label(), build.label()
    build.jump(head)
    build.start(head)
    counter = build.phi("i64")
    phis = {key: build.phi(value.kind) for key, value in carried.items()}
    for key, value in carried.items():
        phis[key].add(low.text(value), before)
    counter.add(first, before)
    set_slots(low, {key: low.make(v.type, phis[key].name) for key, v in carried.items()})
    saved = slots(low, region.assigned - region.killed)
    build.branch(build.value(f"icmp slt i64 {counter.name}, {last}"), inner, after)
    build.start(inner)
    high = max(start.low, stop.high - 1)
    low.locals[number(instruction, 0)] = low.coordinate(counter.name, start.low, high)
    low.body(position + 1, region.end)
    following = build.value(f"add i64 {counter.name}, {step}")
    counter.add(following, build.block)
    for key, value in slots(low, region.assigned - region.killed).items():
        if key in phis:
            phis[key].add(low.text(value), build.block)
    build.jump(head)
    build.start(after)
    forget(low, region.assigned)
    _reassign(low, saved)


def _reassign(low: Lowering, values: dict[tuple[int, int], Value]) -> None:
    """Give slots back their values at a loop's head, arrays whole."""
    for (slot, element), value in values.items():
        if slot >= ARRAY_SLOT and element == 0:
            length = low.kernel.arrays[slot - ARRAY_SLOT].length
            low.arrays[slot - ARRAY_SLOT] = [value] * length
    set_slots(low, values)


# Loops over pixels.


def counted(low: Lowering, size: str, body: Callable[[str], None]) -> None:
    """A loop over 0 .. size - 1 with size >= 1, its counter an i64 phi."""
    build = low.build
    before, head, after = build.block, build.label(), build.label()
    build.jump(head)
    build.start(head)
    phi = build.phi("i64")
    phi.add("0", before)
    body(phi.name)
    following = build.value(f"add i64 {phi.name}, 1")
    phi.add(following, build.block)
    more = build.value(f"icmp ult i64 {following}, {size}")
    build.emit(f"br i1 {more}, label %{head}, label %{after}")
    build.start(after)


def pixel_local(low: Lowering, name: str, axis: int) -> Value:
    """The local that holds x (axis 0) or y (axis 1)."""
    return low.coordinate(name, 0, AXIS_PIXELS - 1, Affine(axis, 0))


HANDLERS = {Op.IF: do_if, Op.FOR: do_for}
