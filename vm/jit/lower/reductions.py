"""`reduce` and `reduce2`: sums, extremes, places, counts, in the order the language fixes.

The one shape of a float sum: up to 16 elements left to right; else element k goes to lane
k mod 16, and lanes are folded by 8, 4, 2, 1. A lane that nothing came to holds -0, which changes
no sum, so a sum of at most 16 is the same with all of it in lane 0.
"""

from __future__ import annotations

from collections.abc import Callable

from vm.bits import INFINITY_BITS
from vm.jit.lower import floats, integers
from vm.jit.lower.conversions import resize
from vm.jit.lower.regions import forget, number, unrollable
from vm.jit.lower.state import SUM_LANES, Lowering
from vm.jit.lower.value import LLVM_TYPE, Value, constant
from vm.limits import AXIS_PIXELS
from vm.module import Instruction, Reduction, TrapCode
from vm.opcodes import Op
from vm.types import ScalarType

EXTREME_OP = {Reduction.MIN: Op.MIN, Reduction.MAX: Op.MAX}
BETTER_OP = {Reduction.ARGMIN: Op.LT, Reduction.ARGMAX: Op.GT}

State = list[Value]  # the value, then where it was
Body = Callable[[Value], Value]


def _kind(instruction: Instruction) -> tuple[Reduction, ScalarType]:
    reduction, scalar = instruction.immediates[:2]
    assert isinstance(reduction, Reduction)
    assert isinstance(scalar, ScalarType)
    return reduction, scalar


def add(low: Lowering, position: int, a: Value, b: Value) -> Value:
    """A + b of either kind of number, for the reduction at this position."""
    if a.type.is_float:
        return floats.binary(low, Op.ADD, a, b)
    if a.raw == 0:
        return b
    return integers.binary(low, position, Op.ADD, a, b)


def identity(reduction: Reduction, scalar: ScalarType) -> Value:
    """What changes nothing: a fold starts from it."""
    sign = 1 << (scalar.bits - 1)
    if reduction in (Reduction.SUM, Reduction.COUNT):
        return constant(scalar, sign if scalar.is_float else 0)
    if reduction is Reduction.MIN:
        return constant(scalar, INFINITY_BITS[scalar] if scalar.is_float else scalar.maximum)
    if reduction is Reduction.MAX:
        lowest = INFINITY_BITS[scalar] | sign if scalar.is_float else scalar.minimum
        return constant(scalar, lowest)
    return constant(scalar, 0)


def fold(low: Lowering, position: int, state: State, value: Value, place: State) -> State:
    """One element more, for the reduction at this position; the state begins as []."""
    if not state:
        return [value, *place]
    reduction = _kind(low.kernel.code[position])[0]
    if reduction in (Reduction.SUM, Reduction.COUNT):
        return [add(low, position, state[0], value)]
    if reduction in EXTREME_OP:
        return [integers.extreme(low, EXTREME_OP[reduction], state[0], value)]
    better = integers.compare(low, BETTER_OP[reduction], value, state[0])
    if value.type.is_float:
        was_nan = integers.compare(low, Op.NE, state[0], state[0])
        is_number = integers.compare(low, Op.EQ, value, value)
        better = integers.choose(low, was_nan, is_number, better)
    return [
        integers.choose(low, better, new, old)
        for new, old in zip([value, *place], state, strict=True)
    ]


def _counted_type(reduction: Reduction, scalar: ScalarType) -> ScalarType:
    return ScalarType.I32 if reduction is Reduction.COUNT else scalar


def _element(low: Lowering, position: int, reduction: Reduction) -> Value:
    """Lower the body; gives its one value."""
    region = low.regions[position]
    (value,) = low.body(position + 1, region.end)
    return resize(low, value, ScalarType.I32) if reduction is Reduction.COUNT else value


def do_reduce(low: Lowering, position: int, instruction: Instruction) -> None:
    """REDUCE over a counted range."""
    reduction, scalar = _kind(instruction)
    scalar = _counted_type(reduction, scalar)
    local, region = number(instruction, 2), low.regions[position]
    stop, start = low.pop(), low.pop()
    if reduction not in (Reduction.SUM, Reduction.COUNT) and low.is_checked(position):
        if start.raw is not None and stop.raw is not None:
            some = constant(ScalarType.BOOL, int(start.raw < stop.raw))
        else:
            some = integers.compare(low, Op.LT, start, stop)
        low.guard(some, TrapCode.EMPTY, position)
    forget(low, region.assigned)

    def body(index: Value) -> Value:
        forget(low, region.assigned)
        low.locals[local] = index
        value = _element(low, position, reduction)
        forget(low, region.assigned)
        return value

    known = start.raw is not None and stop.raw is not None
    trips = range(start.raw or 0, stop.raw or 0)
    if known and unrollable(low, position, len(trips)):
        results = _unrolled(low, position, scalar, trips, body)
    elif reduction is Reduction.SUM and scalar.is_float:
        results = [_float_sum(low, scalar, start, stop, body)]
    else:
        results = _looped(low, position, scalar, start, stop, body)
    for which, value in enumerate(results):
        low.push(value, position if which == 0 else None)


def _unrolled(low: Lowering, position: int, scalar: ScalarType, trips: range, body: Body) -> State:
    reduction = _kind(low.kernel.code[position])[0]
    places = [constant(ScalarType.I32, i) for i in trips]
    is_arg = reduction in BETTER_OP
    if not places:
        empty = constant(scalar, 0)
        return [empty, constant(ScalarType.I32, 0)] if is_arg else [empty]
    if reduction is Reduction.SUM and scalar.is_float and len(places) > SUM_LANES:
        values = [body(place) for place in places]
        lanes = [_in_order(low, values[lane::SUM_LANES]) for lane in range(SUM_LANES)]
        return [_folded_lanes(low, lanes)]
    state: State = []
    for place in places:
        state = fold(low, position, state, body(place), [place] if is_arg else [])
    return state


def _in_order(low: Lowering, values: State) -> Value:
    total = values[0]
    for value in values[1:]:
        total = floats.binary(low, Op.ADD, total, value)
    return total


def _folded_lanes(low: Lowering, lanes: State) -> Value:
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [floats.binary(low, Op.ADD, lanes[i], lanes[i + half]) for i in range(half)]
    return lanes[0]


def _loop(
    low: Lowering,
    start: str,
    stop: str,
    initial: State,
    step: Callable[[str, State], State],
) -> State:
    """A loop over start .. stop - 1 (i64), possibly empty, with a state in phis."""
    build = low.build
    entering = [low.text(value) for value in initial]
    before, head, inner, after = build.block, build.label(), build.label(), build.label()
    build.jump(head)
    build.start(head)
    counter = build.phi("i64")
    counter.add(start, before)
    phis = [build.phi(value.kind) for value in initial]
    for phi, text in zip(phis, entering, strict=True):
        phi.add(text, before)
    state = [low.make(v.type, phi.name) for v, phi in zip(initial, phis, strict=True)]
    build.branch(build.value(f"icmp slt i64 {counter.name}, {stop}"), inner, after)
    build.start(inner)
    for phi, value in zip(phis, step(counter.name, state), strict=True):
        phi.add(low.text(value), build.block)
    counter.add(build.value(f"add i64 {counter.name}, 1"), build.block)
    build.jump(head)
    build.start(after)
    return state


def _looped(
    low: Lowering, position: int, scalar: ScalarType, start: Value, stop: Value, body: Body
) -> State:
    reduction = _kind(low.kernel.code[position])[0]
    first, high = low.wide(start), max(start.low, stop.high - 1)
    is_arg = reduction in BETTER_OP
    initial = [identity(reduction, scalar)]
    if is_arg:
        initial += [constant(ScalarType.I32, 0)]

    def step(counter: str, state: State) -> State:
        index = low.coordinate(counter, start.low, high)
        value = body(index)
        place = [index] if is_arg else []
        after = fold(low, position, state, value, place)
        if not is_arg:
            return after
        is_first = low.instruction(ScalarType.BOOL, f"icmp eq i64 {counter}, {first}")
        news = [value, *place]
        return [integers.choose(low, is_first, n, a) for n, a in zip(news, after, strict=True)]

    return _loop(low, first, low.wide(stop), initial, step)


def _float_sum(low: Lowering, scalar: ScalarType, start: Value, stop: Value, body: Body) -> Value:
    """A float sum of a length known only at run time: lanes in stack memory.

    Whole rounds of 16 are a loop of their own over the lanes, which LLVM can vectorise; what is
    left, or all of a short sum, goes one by one.
    """
    build, kind, size = low.build, LLVM_TYPE[scalar], scalar.size_bytes
    lanes = low.take_lanes(scalar)
    places = [build.value(f"getelementptr {kind}, ptr {lanes}, i64 {i}") for i in range(SUM_LANES)]
    nothing = identity(Reduction.SUM, scalar)
    for place in places:
        build.emit(f"store {low.typed(nothing)}, ptr {place}, align {size}")
    first, last = low.wide(start), low.wide(stop)
    length = build.value(f"sub i64 {last}, {first}")
    short = build.value(f"icmp sle i64 {length}, {SUM_LANES}")
    mask = build.value(f"select i1 {short}, i64 0, i64 {SUM_LANES - 1}")
    whole = build.value(f"and i64 {length}, {-SUM_LANES}")
    rounds = build.value(f"select i1 {short}, i64 0, i64 {whole}")
    high = max(start.low, stop.high - 1)

    def add_to_lane(element: str, lane: str) -> None:
        index = build.value(f"add i64 {first}, {element}")
        value = body(low.coordinate(index, start.low, high))
        place = build.value(f"getelementptr {kind}, ptr {lanes}, i64 {lane}")
        before = low.instruction(scalar, f"load {kind}, ptr {place}, align {size}")
        total = floats.binary(low, Op.ADD, before, value)
        build.emit(f"store {low.typed(total)}, ptr {place}, align {size}")

    _whole_rounds(low, rounds, add_to_lane)

    def rest(element: str, state: State) -> State:
        add_to_lane(element, build.value(f"and i64 {element}, {mask}"))
        return state

    _loop(low, rounds, length, [], rest)
    parts = [low.instruction(scalar, f"load {kind}, ptr {p}, align {size}") for p in places]
    low.free_lanes[scalar].append(lanes)
    total = _folded_lanes(low, parts)
    empty = low.instruction(ScalarType.BOOL, f"icmp sle i64 {length}, 0")
    return integers.choose(low, empty, constant(scalar, 0), total)


def _whole_rounds(low: Lowering, end: str, add_to_lane: Callable[[str, str], None]) -> None:
    """Elements 0 .. end - 1 (a multiple of 16), a round of lanes at a time."""
    build = low.build
    before, head, again, after = (build.block, *(build.label() for _ in range(3)))
    build.jump(head)
    build.start(head)
    base = build.phi("i64")
    base.add("0", before)
    build.branch(build.value(f"icmp slt i64 {base.name}, {end}"), again, after)
    build.start(again)
    lane = build.phi("i64")
    lane.add("0", head)
    add_to_lane(build.value(f"add i64 {base.name}, {lane.name}"), lane.name)
    following = build.value(f"add i64 {lane.name}, 1")
    lane.add(following, build.block)
    more = build.value(f"icmp ult i64 {following}, {SUM_LANES}")
    done = build.label()
    build.emit(f"br i1 {more}, label %{again}, label %{done}, !llvm.loop !1")
    build.start(done)
    base.add(build.value(f"add i64 {base.name}, {SUM_LANES}"), done)
    build.jump(head)
    build.start(after)


def do_reduce_2d(low: Lowering, position: int, instruction: Instruction) -> None:
    """REDUCE_2D: line by line; never empty."""
    reduction, scalar = _kind(instruction)
    scalar = _counted_type(reduction, scalar)
    x_local, y_local, width, height = (number(instruction, i) for i in (2, 3, 4, 5))
    region = low.regions[position]
    columns, rows = low.dimensions[width], low.dimensions[height]
    none = constant(ScalarType.I32, 0)
    forget(low, region.assigned)

    def element(x: Value, y: Value) -> Value:
        forget(low, region.assigned)
        low.locals[x_local], low.locals[y_local] = x, y
        value = _element(low, position, reduction)
        forget(low, region.assigned)
        return value

    def line(y_name: str, state: State) -> State:
        y = low.coordinate(y_name, 0, AXIS_PIXELS - 1)
        if reduction is Reduction.SUM and scalar.is_float:
            total = _float_sum(low, scalar, none, columns, lambda x: element(x, y))
            return [add(low, position, state[0], total)]
        return _loop(low, "0", low.wide(columns), state, lambda x, s: pixel(x, y, s))

    def pixel(x_name: str, y: Value, state: State) -> State:
        x = low.coordinate(x_name, 0, AXIS_PIXELS - 1)
        value = element(x, y)
        places = [x, y] if reduction in BETTER_OP else []
        after = fold(low, position, state, value, places)
        if not places:
            return after
        both = low.build.value(f"or i64 {low.wide(x)}, {low.wide(y)}")
        is_first = low.instruction(ScalarType.BOOL, f"icmp eq i64 {both}, 0")
        pairs = zip([value, *places], after, strict=True)
        return [integers.choose(low, is_first, new, old) for new, old in pairs]

    initial = [identity(reduction, scalar)]
    if reduction in BETTER_OP:
        initial += [none, none]
    results = _loop(low, "0", low.wide(rows), initial, line)
    for which, value in enumerate(results):
        low.push(value, position if which == 0 else None)


HANDLERS = {Op.REDUCE: do_reduce, Op.REDUCE_2D: do_reduce_2d}
