"""Instructions of a body for several pixels at once: values are vectors, an `if` is a choice.

Both arms are walked whether they are taken or not. That is sound because what the verifier proved
holds on every path, taken or not, and because nothing in such a body traps or writes memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vm.jit.lower import integers, narrow
from vm.jit.lower.arrays import is_scalar, known_elements, pointer
from vm.jit.lower.lanes import LaneBody, NotVector, Source
from vm.jit.lower.regions import forget, number, set_slots, slots, unrollable
from vm.jit.lower.state import Handler, Lowering
from vm.jit.lower.value import LLVM_TYPE, Value, constant, kind_of, same
from vm.module import Border, Instruction, TrapCode
from vm.opcodes import Op
from vm.types import ScalarType


def do_if(low: Lowering, position: int, instruction: Instruction) -> None:
    """IF: both arms, then a choice for whatever they leave, assign or put."""
    region, condition, body = low.regions[position], low.pop(), low.lane_body
    assert body is not None
    middle = region.end if region.otherwise is None else region.otherwise
    if condition.raw is not None:
        arm = (position + 1, middle) if condition.raw else (middle + 1, region.end)
        for value in low.body(*arm) if arm[0] < arm[1] else []:
            low.push(value, position)
        return
    before, put_before, mask = low.environment(), dict(body.put), body.mask
    body.mask = _both(low, mask, condition)
    left_yes = low.body(position + 1, middle)
    after_yes, put_yes = slots(low, region.assigned), body.put
    low.restore(before)
    body.put, body.mask = put_before, _both(low, mask, integers.invert(low, condition))
    left_no = low.body(middle + 1, region.end) if middle < region.end else []
    after_no, put_no = slots(low, region.assigned), body.put
    body.mask = mask

    def joined(a: Value, b: Value) -> Value:
        return a if same(a, b) else integers.choose(low, condition, a, b)

    both = {key: joined(a, after_no[key]) for key, a in after_yes.items() if key in after_no}
    forget(low, {slot for slot in region.assigned if (slot, 0) not in both})
    set_slots(low, both)
    body.put = {key: joined(a, put_no[key]) for key, a in put_yes.items()}
    for a, b in zip(left_yes, left_no, strict=True):
        low.push(joined(a, b), position)


def _both(low: Lowering, mask: Value | None, condition: Value) -> Value:
    if mask is None:
        return condition
    a, b = low.alike(mask, condition)
    return low.instruction(ScalarType.BOOL, f"and {low.typed(a)}, {low.text(b)}", a, b)


def do_elem_get(low: Lowering, position: int, instruction: Instruction) -> None:
    """ELEM_GET: lane by lane from a table, where lanes ask for different elements."""
    array, body = instruction.immediates[0], low.lane_body
    assert isinstance(array, int)
    assert body is not None
    if not low.stack[-1].lanes:
        body.outer[Op.ELEM_GET](low, position, instruction)
        return
    if known_elements(low, array) is None or low.blind:
        raise NotVector("an array is indexed by a value that differs from pixel to pixel")
    if low.is_checked(position):
        raise NotVector("an array's index is not proved to be inside")
    index = narrow.as_type(low, low.pop(), ScalarType.I32)
    low.push(_looked_up(low, body, array, index), position)


def _looked_up(low: Lowering, body: LaneBody, array: int, index: Value) -> Value:
    """Table elements by a loop over the lanes, through stack memory."""
    build, lanes, scalar = low.build, index.lanes, low.kernel.arrays[array].type
    kind, size, table = LLVM_TYPE[scalar], scalar.size_bytes, pointer(low, array)
    asked = body.scratch(f"[{lanes} x i32]", 4 * lanes)
    found = body.scratch(f"[{lanes} x {kind}]", size * lanes)
    build.emit(f"store {low.typed(index)}, ptr {asked}, align 64")

    def one(lane: str) -> None:
        place = build.value(f"getelementptr i32, ptr {asked}, i64 {lane}")
        narrow = build.value(f"load i32, ptr {place}, align 4")
        at = build.value(f"zext i32 {narrow} to i64")
        element = build.value(f"getelementptr {kind}, ptr {table}, i64 {at}")
        value = build.value(f"load {kind}, ptr {element}, align {size}")
        target = build.value(f"getelementptr {kind}, ptr {found}, i64 {lane}")
        build.emit(f"store {kind} {value}, ptr {target}, align {size}")

    build.repeat("0", str(lanes), one)
    return low.instruction(scalar, f"load {kind_of(scalar, lanes)}, ptr {found}, align 64", index)


def do_elem_set(low: Lowering, position: int, instruction: Instruction) -> None:
    """ELEM_SET and its like: only into arrays that are kept as values."""
    array, body = instruction.immediates[0], low.lane_body
    assert isinstance(array, int)
    assert body is not None
    if not is_scalar(low, array) or (instruction.op is Op.ELEM_SET and low.stack[-2].raw is None):
        raise NotVector("an array that lies in memory is written")
    body.outer[instruction.op](low, position, instruction)


def do_loop(low: Lowering, position: int, instruction: Instruction) -> None:
    """FOR and REDUCE: those that are written out."""
    start, stop, body = low.stack[-2], low.stack[-1], low.lane_body
    assert body is not None
    step = instruction.immediates[1] if instruction.op is Op.FOR else 1
    assert isinstance(step, int)
    if start.raw is None or stop.raw is None:
        raise NotVector("a loop inside has bounds that are not known")
    if not unrollable(low, position, len(range(start.raw, stop.raw, step))):
        raise NotVector("a loop inside is too long to be written out")
    body.outer[instruction.op](low, position, instruction)


def refusing(why: str) -> Handler:
    """A handler for what no vector body can hold."""

    def refuse(low: Lowering, position: int, instruction: Instruction) -> None:
        raise NotVector(why)

    return refuse


def _body(low: Lowering) -> LaneBody:
    assert low.lane_body is not None
    return low.lane_body


def do_own(low: Lowering, position: int, instruction: Instruction) -> None:
    """OWN: what was put before, or the pixel as it was."""
    body, image, channel = _body(low), number(instruction, 0), number(instruction, 1)
    put = body.put.get((image, channel))
    low.push(put if put is not None else body.pixel(Source(image), channel), position)


def do_put(low: Lowering, position: int, instruction: Instruction) -> None:
    """PUT: kept until the end of the body."""
    _body(low).put[number(instruction, 0), number(instruction, 1)] = low.pop()


def do_load(low: Lowering, position: int, instruction: Instruction) -> None:
    """LOAD beside the running pixel, or at a place that is the same for all lanes."""
    body, image, border = _body(low), number(instruction, 0), instruction.immediates[2]
    y, x = low.stack[-1], low.stack[-2]
    assert isinstance(border, Border)
    source = body.beside(image, x, y, Border.CLAMP if border is Border.ZERO else border)
    is_checked = border is Border.INSIDE and low.is_checked(position)
    if source is None:
        if is_checked:
            raise NotVector("a pixel's place is not proved to be inside")
        body.outer[Op.LOAD](low, position, instruction)
        return
    if is_checked:  # outside, the nearest pixel is read
        low.guard(_is_inside(body, image, x, y), TrapCode.PIXEL, position)
    del low.stack[-2:]
    seen = body.pixel(source, number(instruction, 1))
    if border is Border.ZERO:
        seen = _seen_or(body, image, x, y, seen, constant(low.images[image].type, 0))
    low.push(seen, position)


def do_load_or(low: Lowering, position: int, instruction: Instruction) -> None:
    """LOAD_OR beside the running pixel, or at a place that is the same for all lanes."""
    body, image = _body(low), number(instruction, 0)
    x, y, other = low.stack[-3:]
    source = body.beside(image, x, y, Border.CLAMP)
    if source is None:
        body.outer[Op.LOAD_OR](low, position, instruction)
        return
    del low.stack[-3:]
    seen = body.pixel(source, number(instruction, 1))
    low.push(_seen_or(body, image, x, y, seen, other), position)


def _seen_or(body: LaneBody, image: int, x: Value, y: Value, there: Value, other: Value) -> Value:
    return integers.choose(body.low, _is_inside(body, image, x, y), there, other)


def _is_inside(body: LaneBody, image: int, x: Value, y: Value) -> Value:
    buffer = body.low.images[image]
    return _both(body.low, body.is_inside(x, buffer.width), body.is_inside(y, buffer.height))


def do_carry_get(low: Lowering, position: int, instruction: Instruction) -> None:
    """CARRY_GET."""
    carry, ahead, down = (number(instruction, which) for which in range(3))
    low.push(_body(low).earlier(carry, ahead, down), position)


def do_carry_put(low: Lowering, position: int, instruction: Instruction) -> None:
    """CARRY_PUT: kept until the end of the body."""
    _body(low).carried[number(instruction, 0)] = low.pop()


def do_carry_has(low: Lowering, position: int, instruction: Instruction) -> None:
    """CARRY_HAS."""
    low.push(_body(low).has(number(instruction, 0), number(instruction, 1)), position)


HANDLERS: Mapping[Op, Handler] = MappingProxyType(
    {
        **narrow.HANDLERS,
        Op.OWN: do_own,
        Op.PUT: do_put,
        Op.LOAD: do_load,
        Op.LOAD_OR: do_load_or,
        Op.CARRY_GET: do_carry_get,
        Op.CARRY_PUT: do_carry_put,
        Op.CARRY_HAS: do_carry_has,
        Op.IF: do_if,
        Op.ELEM_GET: do_elem_get,
        Op.FOR: do_loop,
        Op.REDUCE: do_loop,
        **dict.fromkeys((Op.ELEM_SET, Op.ARRAY_FILL, Op.ARRAY_COPY), do_elem_set),
        **dict.fromkeys((Op.STORE, Op.STORE_DROP), refusing("pixels elsewhere are written")),
        Op.CLEAR: refusing("an image is cleared inside"),
        Op.GIVE: refusing("a field of the record is given inside"),
        **dict.fromkeys((Op.MAP, Op.SCAN, Op.REDUCE_2D), refusing("a loop over pixels is inside")),
    }
)
