"""Arithmetic of array values: element by element while they are short, in loops when long."""

from __future__ import annotations

from collections.abc import Callable

from compiler import ir, walk
from compiler.lower.context import INLINE_ELEMENTS, Lowering
from compiler.lower.values import Elements, Place, Slot, Value, element, element_at
from vm.opcodes import Op
from vm.types import ScalarType

I32 = ScalarType.I32
Side = ir.Expr | Elements | Slot


def settled(lowering: Lowering, value: Elements | Slot) -> Elements | Slot:
    """The value with everything that may trap evaluated, so that it may wait."""
    if isinstance(value, Slot):
        return value
    kept = [lowering.saved(each) if walk.can_trap(each) else each for each in value.elements]
    return Elements(tuple(kept))


def evaluated_before(lowering: Lowering, found: list[ir.Expr], position: int) -> list[ir.Expr]:
    """Expressions that may trap, evaluated before a statement already written at `position`."""
    result = []
    for each in found:
        if walk.can_trap(each):
            register = ir.Register(each.type)
            lowering.block.insert(position, ir.Set(register, each, lowering.line))
            position += 1
            each = ir.Read(register)
        result.append(each)
    return result


def each(
    lowering: Lowering,
    kind: ScalarType,
    value: Elements | Slot,
    operate: Callable[[ir.Expr], ir.Expr],
) -> Elements | Slot:
    """`operate` on every element; the result is of `kind`."""
    return both(lowering, kind, value, ir.i32(0), lambda part, _: operate(part))


def both(
    lowering: Lowering,
    kind: ScalarType,
    left: Side,
    right: Side,
    operate: Callable[[ir.Expr, ir.Expr], ir.Expr],
) -> Elements | Slot:
    """`operate` on every pair of elements; a scalar side goes with all of the other's."""
    length = max(side.length for side in (left, right) if isinstance(side, Elements | Slot))
    if length <= INLINE_ELEMENTS:
        line = lowering.line

        def at(side: Side, index: int) -> ir.Expr:
            return element(side, index, line) if isinstance(side, Elements | Slot) else side

        return Elements(tuple(operate(at(left, i), at(right, i)) for i in range(length)))
    sides = [_slot_or_scalar(lowering, side) for side in (left, right)]
    slot = lowering.new_slot(kind, length)
    lowering.fill(slot, ir.Constant(0, slot.array.type))
    index = ir.Register(I32, "i")
    lowering.known[index] = (0, length - 1)
    with lowering.new_block() as body:
        first, second = (
            element_at(side, ir.Read(index), lowering.line) if isinstance(side, Slot) else side
            for side in sides
        )
        lowering.set_element(slot, ir.Read(index), operate(first, second))
    lowering.emit(ir.For(index, ir.i32(0), ir.i32(length), 1, tuple(body), (), lowering.line))
    return slot


def _slot_or_scalar(lowering: Lowering, side: Side) -> ir.Expr | Slot:
    if isinstance(side, Elements):
        return lowering.materialised(side, side.elements[0].type)
    return side


def repeated(lowering: Lowering, kind: ScalarType, value: Value, length: int) -> Elements | Slot:
    """`[value; N]`, the value evaluated once."""
    assert not isinstance(value, Place)
    if not isinstance(value, Elements | Slot):
        value = lowering.saved(value)
        if isinstance(value, ir.Constant):
            return lowering.constants(kind, (value.raw,) * length)
        if length <= INLINE_ELEMENTS:
            return Elements((value,) * length)
        slot = lowering.new_slot(kind, length)
        lowering.fill(slot, value)
        return slot
    if length <= INLINE_ELEMENTS:
        parts = [lowering.saved(element(value, i, lowering.line)) for i in range(value.length)]
        return Elements(tuple(parts * (length // value.length)))
    source = lowering.materialised(value, kind)
    slot = lowering.new_slot(kind, length)
    lowering.fill(slot, ir.Constant(0, slot.array.type))
    index = ir.Register(I32, "i")
    lowering.known[index] = (0, length // source.length - 1)
    with lowering.new_block() as body:
        base = lowering.operation(Op.MUL, I32, ir.Read(index), ir.i32(source.length))
        part = Slot(slot.array, kind, lowering.saved(base), source.length, stable=False)
        lowering.store(part, source)
    count = ir.i32(length // source.length)
    lowering.emit(ir.For(index, ir.i32(0), count, 1, tuple(body), (), lowering.line))
    return slot


def select(
    lowering: Lowering,
    kind: ScalarType,
    condition: ir.Expr,
    blocks: tuple[list[ir.Statement], list[ir.Statement]],
    first: Elements | Slot,
    second: Elements | Slot,
) -> Slot:
    """One of two arrays."""
    slot = lowering.new_slot(kind, first.length)
    arms = []
    for block, chosen in zip(blocks, (first, second), strict=True):
        with lowering.new_block() as arm:
            arm += block
            if not (isinstance(chosen, Slot) and chosen.is_whole):
                lowering.fill(slot, ir.Constant(0, slot.array.type))
            lowering.store(slot, chosen)
        arms.append(tuple(arm))
    lowering.emit(ir.If(condition, arms[0], arms[1], lowering.line))
    return slot
