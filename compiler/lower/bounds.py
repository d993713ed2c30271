"""What is plainly known of indices while lowering: loop bounds and constants, no more."""

from __future__ import annotations

from collections.abc import Mapping

from compiler import ir
from vm.limits import AXIS_PIXELS
from vm.opcodes import Op
from vm.types import ScalarType

I32 = ScalarType.I32
ANY = (I32.minimum, I32.maximum)


def bounds(known: Mapping[ir.Register, tuple[int, int]], expr: ir.Expr) -> tuple[int, int]:
    """An interval that an i32 surely lies in; `known` tells of registers assigned once."""
    match expr:
        case ir.Constant():
            return expr.raw, expr.raw
        case ir.DimensionValue():
            return 1, AXIS_PIXELS
        case ir.Read(register):
            return known.get(register, ANY)
        case ir.Operation(op=Op.ADD | Op.SUB as op, arguments=(left, right)) if expr.type is I32:
            (a, b), (c, d) = bounds(known, left), bounds(known, right)
            low, high = (a + c, b + d) if op is Op.ADD else (a - d, b - c)
            if I32.minimum <= low and high <= I32.maximum:
                return low, high
    return ANY
