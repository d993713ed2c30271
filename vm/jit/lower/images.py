"""Pixels: addresses, borders, reads and writes. All address arithmetic is in i64.

A coordinate that is the running pixel's x plus a constant needs no border where the loop keeps
clear of the image's edge: `PixelLoop.clear_left` and `clear_right` say how far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from vm.jit.lower import floats, spans
from vm.jit.lower.state import Buffer, Lowering
from vm.jit.lower.value import LLVM_TYPE, Value, constant, kind_of
from vm.module import Border, Instruction, Role, TrapCode
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier.dimensions import bases_of

Fold = Callable[[Lowering, str, str], str]


def _index(instruction: Instruction, which: int = 0) -> int:
    index = instruction.immediates[which]
    assert isinstance(index, int)
    return index


def place(low: Lowering, buffer: Buffer, x: str, y: str, channel: int) -> str:
    """The address of a pixel's channel; x, y are i64 operands that lie inside."""
    build = low.build
    if buffer.ring:
        y = build.value(f"and i64 {y}, {buffer.ring}")
    at = build.value(f"add i64 {build.value(f'mul i64 {y}, {buffer.width}')}, {x}")
    if buffer.channels > 1:
        at = build.value(f"mul i64 {at}, {buffer.channels}")
    if channel:
        at = build.value(f"add i64 {at}, {channel}")
    return build.value(f"getelementptr {LLVM_TYPE[buffer.type]}, ptr {buffer.pointer}, i64 {at}")


def load(low: Lowering, buffer: Buffer, address: str) -> Value:
    """Read a scalar of a buffer."""
    kind, size = LLVM_TYPE[buffer.type], buffer.type.size_bytes
    return low.instruction(buffer.type, f"load {kind}, ptr {address}, align {size}{buffer.alias}")


def store(low: Lowering, buffer: Buffer, address: str, text: str, kind: str) -> None:
    """Write a scalar of a buffer."""
    size = buffer.type.size_bytes
    low.build.emit(f"store {kind} {text}, ptr {address}, align {size}{buffer.alias}")


def write(low: Lowering, image: int, x: str, y: str, channel: int, value: Value) -> None:
    """Write a pixel's channel; a float of an out image with its NaN made the one NaN."""
    buffer = low.images[image]
    text, kind = as_written(low, image, value)
    store(low, buffer, place(low, buffer, x, y, channel), text, kind)


def as_written(low: Lowering, image: int, value: Value) -> tuple[str, str]:
    """A value as an image holds it, and its LLVM type."""
    spans.note_written(low, image, value)
    if low.kernel.images[image].role is Role.OUT:
        return seen(low, value)
    return low.text(value), value.kind


def seen(low: Lowering, value: Value) -> tuple[str, str]:
    """A value as it may be seen, and its LLVM type: a NaN is the one NaN."""
    if value.type.is_float:
        bits = ScalarType.U32 if value.type.bits == 32 else ScalarType.U64
        return floats.canonical_bits(low, value), kind_of(bits, value.lanes)
    return low.text(value), value.kind


def inside(low: Lowering, x: str, y: str, buffer: Buffer) -> str:
    """Whether i64 coordinates are inside: negative ones are large when read as unsigned."""
    build = low.build
    in_x = build.value(f"icmp ult i64 {x}, {buffer.width}")
    in_y = build.value(f"icmp ult i64 {y}, {buffer.height}")
    return build.value(f"and i1 {in_x}, {in_y}")


# Borders: each maps an i64 coordinate and size to an index inside.


def _clamp(low: Lowering, at: str, size: str) -> str:
    build = low.build
    low_side = build.value(f"icmp slt i64 {at}, 0")
    floor = build.value(f"select i1 {low_side}, i64 0, i64 {at}")
    last = build.value(f"sub i64 {size}, 1")
    high_side = build.value(f"icmp slt i64 {floor}, {last}")
    return build.value(f"select i1 {high_side}, i64 {floor}, i64 {last}")


def _modulo(low: Lowering, at: str, period: str) -> str:
    build = low.build
    rest = build.value(f"srem i64 {at}, {period}")
    negative = build.value(f"icmp slt i64 {rest}, 0")
    return build.value(
        f"select i1 {negative}, i64 {build.value(f'add i64 {rest}, {period}')}, i64 {rest}"
    )


def _folded_back(low: Lowering, at: str, size: str, period: str, last: str) -> str:
    """At where that is inside, else last - at, within one period."""
    build = low.build
    first_half = build.value(f"icmp slt i64 {at}, {size}")
    back = build.value(f"sub i64 {last}, {at}")
    return build.value(f"select i1 {first_half}, i64 {at}, i64 {back}")


def _mirror(low: Lowering, at: str, size: str) -> str:
    period = low.build.value(f"shl i64 {size}, 1")
    last = low.build.value(f"sub i64 {period}, 1")
    return _folded_back(low, _modulo(low, at, period), size, period, last)


def _reflect101(low: Lowering, at: str, size: str) -> str:
    build = low.build
    double = build.value(f"shl i64 {size}, 1")
    plain = build.value(f"sub i64 {double}, 2")
    single = build.value(f"icmp eq i64 {plain}, 0")  # width 1: everything leads to 0
    period = build.value(f"select i1 {single}, i64 1, i64 {plain}")
    return _folded_back(low, _modulo(low, at, period), size, period, period)


def _wrap(low: Lowering, at: str, size: str) -> str:
    return _modulo(low, at, size)


SHORT_FOLDS: dict[Border, Fold] = {Border.CLAMP: _clamp}
LONG_FOLDS: dict[Border, Fold] = {
    Border.MIRROR: _mirror,
    Border.REFLECT101: _reflect101,
    Border.WRAP: _wrap,
}


def bordered(low: Lowering, border: Border, at: str, size: str) -> str:
    """The index that an i64 coordinate leads to; divisions only where it is outside."""
    if border in SHORT_FOLDS:
        return SHORT_FOLDS[border](low, at, size)
    build = low.build
    before, outside, go_on = build.block, build.label(), build.label()
    is_inside = build.value(f"icmp ult i64 {at}, {size}")
    build.emit(f"br i1 {is_inside}, label %{go_on}, label %{outside}, !prof !0")
    build.start(outside)
    folded = LONG_FOLDS[border](low, at, size)
    leaving = build.block
    build.jump(go_on)
    build.start(go_on)
    phi = build.phi("i64")
    phi.add(at, before)
    phi.add(folded, leaving)
    return phi.name


def _column(low: Lowering, border: Border, image: int, x: Value) -> str:
    at = low.wide(x)
    return at if keeps_clear(low, image, x) else bordered(low, border, at, low.images[image].width)


def line_of(low: Lowering, border: Border, image: int, y: Value) -> str:
    """The line that y leads to: worked out before the line where it is y plus a constant."""
    loop, height = low.pixel, low.images[image].height
    if loop is not None and y.affine is not None and y.affine.axis == 1:
        wanted = (border, y.affine.offset, height)
        if loop.asked is not None:
            loop.asked.lines[wanted] = None
        if wanted in loop.lines:
            return loop.lines[wanted]
    return bordered(low, border, low.wide(y), height)


def keeps_clear(low: Lowering, image: int, x: Value) -> bool:
    """Whether the running loop shows that this column is inside without a border.

    On a trial walk, notes how far the read reaches too.
    """
    loop, affine = low.pixel, x.affine
    if loop is None or affine is None or affine.axis != 0:
        return False
    base, offset = bases_of(low.kernel)[low.kernel.images[image].width]
    if base != loop.width_base[0]:
        return False
    left, right = -affine.offset, affine.offset + loop.width_base[1] - offset
    if loop.asked is not None:
        loop.asked.left = max(loop.asked.left, left)
        loop.asked.right = max(loop.asked.right, right)
    return left <= loop.clear_left and right <= loop.clear_right


def do_load(low: Lowering, position: int, instruction: Instruction) -> None:
    """LOAD, through any border."""
    image, channel, border = _index(instruction), _index(instruction, 1), instruction.immediates[2]
    y, x = low.pop(), low.pop()
    buffer = low.images[image]
    if border is Border.ZERO:
        low.push(_load_or(low, image, channel, x, y, constant(buffer.type, 0)), position)
        return
    if border is Border.INSIDE:
        at_x, at_y = low.wide(x), low.wide(y)
        if low.is_checked(position):
            ok = low.make(ScalarType.BOOL, inside(low, at_x, at_y, buffer))
            low.guard(ok, TrapCode.PIXEL, position)
    else:
        assert isinstance(border, Border)
        at_x = _column(low, border, image, x)
        at_y = line_of(low, border, image, y)
    seen_there = load(low, buffer, place(low, buffer, at_x, at_y, channel))
    low.push(replace(seen_there, span=spans.of_image(low, image, position)), position)


def _load_or(low: Lowering, image: int, channel: int, x: Value, y: Value, other: Value) -> Value:
    """Outside, some pixel that surely is there is read and thrown away: no branch."""
    buffer, build = low.images[image], low.build
    at_x, at_y = low.wide(x), low.wide(y)
    in_y = build.value(f"icmp ult i64 {at_y}, {buffer.height}")
    is_in = in_y
    if not keeps_clear(low, image, x):
        in_x = build.value(f"icmp ult i64 {at_x}, {buffer.width}")
        at_x = build.value(f"select i1 {in_x}, i64 {at_x}, i64 0")
        is_in = build.value(f"and i1 {in_x}, {in_y}")
    at_y = build.value(f"select i1 {in_y}, i64 {at_y}, i64 0")
    there = load(low, buffer, place(low, buffer, at_x, at_y, channel))
    text = f"select i1 {is_in}, {low.typed(there)}, {low.typed(other)}"
    result = low.instruction(buffer.type, text, other)
    if not buffer.type.is_float:
        result = replace(result, low=min(there.low, other.low), high=max(there.high, other.high))
    return result


def do_load_or(low: Lowering, position: int, instruction: Instruction) -> None:
    """LOAD_OR."""
    other, y, x = low.pop(), low.pop(), low.pop()
    image, channel = _index(instruction), _index(instruction, 1)
    low.push(_load_or(low, image, channel, x, y, other), position)


def do_own(low: Lowering, position: int, instruction: Instruction) -> None:
    """OWN at the running pixel."""
    assert low.pixel is not None
    image, channel = _index(instruction), _index(instruction, 1)
    buffer = low.images[image]
    low.push(load(low, buffer, place(low, buffer, low.pixel.x, low.pixel.y, channel)), position)


def do_put(low: Lowering, position: int, instruction: Instruction) -> None:
    """PUT at the running pixel."""
    assert low.pixel is not None
    image, channel = _index(instruction), _index(instruction, 1)
    write(low, image, low.pixel.x, low.pixel.y, channel, low.pop())


def do_store(low: Lowering, position: int, instruction: Instruction) -> None:
    """STORE."""
    value, y, x = low.pop(), low.pop(), low.pop()
    image, channel = _index(instruction), _index(instruction, 1)
    at_x, at_y = low.wide(x), low.wide(y)
    if low.is_checked(position):
        ok = low.make(ScalarType.BOOL, inside(low, at_x, at_y, low.images[image]))
        low.guard(ok, TrapCode.PIXEL, position)
    write(low, image, at_x, at_y, channel, value)


def do_store_drop(low: Lowering, position: int, instruction: Instruction) -> None:
    """STORE_DROP: nothing happens outside."""
    value, y, x = low.pop(), low.pop(), low.pop()
    image, channel = _index(instruction), _index(instruction, 1)
    at_x, at_y = low.wide(x), low.wide(y)
    ok = inside(low, at_x, at_y, low.images[image])
    there, go_on = low.build.label(), low.build.label()
    low.build.branch(ok, there, go_on)
    low.build.start(there)
    write(low, image, at_x, at_y, channel, value)
    low.build.jump(go_on)
    low.build.start(go_on)


def clear(low: Lowering, image: int) -> None:
    """Zero an image."""
    buffer = low.images[image]
    spans.note_written(low, image, constant(buffer.type, 0))
    build = low.build
    pixels = build.value(f"mul i64 {buffer.width}, {buffer.height}")
    size = build.value(f"mul i64 {pixels}, {buffer.channels * buffer.type.size_bytes}")
    zero_bytes(low, buffer.pointer, size)


def zero_bytes(low: Lowering, pointer: str, size: str) -> None:
    """Zero a stretch of memory."""
    types = ("ptr", "i8", "i64", "i1")
    low.build.call("void", "llvm.memset.p0.i64", types, (pointer, "0", size, "false"))


def do_clear(low: Lowering, position: int, instruction: Instruction) -> None:
    """CLEAR."""
    clear(low, _index(instruction))


HANDLERS = {
    Op.LOAD: do_load,
    Op.LOAD_OR: do_load_or,
    Op.OWN: do_own,
    Op.PUT: do_put,
    Op.STORE: do_store,
    Op.STORE_DROP: do_store_drop,
    Op.CLEAR: do_clear,
}
