"""Indices into nested arrays, which are laid out flat: each index keeps its own bounds."""

from __future__ import annotations

from compiler import ir
from compiler.lower.bounds import bounds
from compiler.lower.context import Lowering
from compiler.lower.values import Slot
from compiler.passes.fold import folded
from vm.opcodes import Op
from vm.types import ScalarType

I32 = ScalarType.I32


def inner_index(lowering: Lowering, index: ir.Expr, length: int) -> ir.Expr:
    """An index below the outermost: checked by itself, since a flat one would run over.

    The check reads an array of `length` zeros at the index, which traps outside, and adds the 0.
    """
    low, high = bounds(lowering.known, index)
    if low >= 0 and high < length:
        return index
    zeros = lowering.constants(I32, (0,) * length)
    guard = ir.Element(zeros.array, index, lowering.line)
    return folded(ir.Operation(Op.ADD, (I32,), (index, guard), lowering.line))


def outer_index(lowering: Lowering, index: ir.Expr, length: int, stride: int) -> ir.Expr:
    """Index · stride; an index far outside is first moved just outside, so that it cannot wrap."""
    if stride == 1:
        return index
    low, high = bounds(lowering.known, index)
    if low * stride < I32.minimum or high * stride > I32.maximum:
        least = lowering.operation(Op.MAX, I32, index, ir.i32(-1))
        index = lowering.operation(Op.MIN, I32, least, ir.i32(length))
    return lowering.operation(Op.MUL, I32, index, ir.i32(stride))


def part(lowering: Lowering, slot: Slot, index: ir.Expr, length: int, nested: bool) -> Slot:
    """One of `length` equal parts of a slot; `nested`: the slot is itself part of an array."""
    stride = slot.length // length
    if nested:
        index = inner_index(lowering, index, length)
        offset = lowering.operation(Op.MUL, I32, index, ir.i32(stride))
    else:
        offset = outer_index(lowering, index, length, stride)
    base = folded(ir.Operation(Op.ADD, (I32,), (slot.base, offset), lowering.line))
    if stride > 1:
        base = lowering.saved(base)
    return Slot(slot.array, slot.scalar, base, stride, slot.stable)
