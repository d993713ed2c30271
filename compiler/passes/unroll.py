"""Short loops inside pixel loops become straight code.

Sums keep the shape the language gives them: up to 16 elements are added left to right.
"""

from __future__ import annotations

from msgspec.structs import replace

from compiler import ir, walk
from compiler.passes.single import single
from vm.module import Reduction
from vm.opcodes import Op
from vm.types import ScalarType

MOST_TRIPS = 32
MOST_SUMMED = 16
MOST_LOOP_SIZE = 1_000
MOST_SIZE = 6_000

FOLD = {Reduction.SUM: Op.ADD, Reduction.MIN: Op.MIN, Reduction.MAX: Op.MAX}


def unroll(kernel: ir.Kernel) -> ir.Kernel:
    """The kernel with short loops in its pixel loops written out, outer ones first."""
    while True:
        unroller = _Unroller(MOST_SIZE - walk.size(kernel.body))
        body = unroller.block(kernel.body, False)
        if not unroller.changed:
            return kernel
        kernel = single(replace(kernel, body=body))


class _Unroller:
    def __init__(self, growth: int) -> None:
        self.growth = growth
        self.changed = False

    def block(self, block: ir.Block, in_pixels: bool) -> ir.Block:
        result: list[ir.Statement] = []
        for statement in block:
            written = self.unrolled(statement) if in_pixels else None
            if written is not None:
                self.changed = True
                result += written
                continue
            pixels = isinstance(statement, ir.Map | ir.Scan) or (
                isinstance(statement, ir.Reduce) and statement.extents is not None
            )
            inner = tuple(self.block(part, in_pixels or pixels) for part in walk.blocks(statement))
            result.append(walk.with_blocks(statement, inner))
        return tuple(result)

    def unrolled(self, statement: ir.Statement) -> list[ir.Statement] | None:
        """The statement written out, or None if it must stay a loop."""
        if not isinstance(statement, ir.For | ir.Reduce):
            return None
        start, end = statement.start, statement.end
        if not isinstance(start, ir.Constant) or not isinstance(end, ir.Constant):
            return None
        step = statement.step if isinstance(statement, ir.For) else 1
        trips = range(start.raw, end.raw, step)
        size = walk.size(statement.body) * len(trips)
        if len(trips) > MOST_TRIPS or size > min(MOST_LOOP_SIZE, self.growth):
            return None
        if isinstance(statement, ir.For):
            self.growth -= size
            return _written_out(statement, trips)
        written = _folded(statement, trips)
        self.growth -= size if written is not None else 0
        return written


def _written_out(loop: ir.For, trips: range) -> list[ir.Statement]:
    result: list[ir.Statement] = []
    for value in trips:
        result.append(ir.Set(loop.variable, ir.i32(value), loop.line))
        result += loop.body
    return result


def _folded(reduce: ir.Reduce, trips: range) -> list[ir.Statement] | None:
    """A reduction as a chain of operations; None for those that stay."""
    most = MOST_SUMMED if reduce.type.is_float else MOST_TRIPS
    if reduce.kind not in FOLD or len(trips) > most:
        return None
    (target,) = reduce.targets
    if not trips:
        zero = ir.constant(0, reduce.type)
        return [ir.Set(target, zero, reduce.line)] if reduce.kind is Reduction.SUM else None
    result: list[ir.Statement] = []
    for value in trips:
        result.append(ir.Set(reduce.variables[0], ir.i32(value), reduce.line))
        *body, last = reduce.body
        assert isinstance(last, ir.Yield)
        result += body
        found = last.value
        if value != trips[0]:
            found = _fold(FOLD[reduce.kind], reduce.type, ir.Read(target), found, reduce.line)
        result.append(ir.Set(target, found, reduce.line))
    return result


def _fold(op: Op, scalar: ScalarType, left: ir.Expr, right: ir.Expr, line: int) -> ir.Expr:
    return ir.Operation(op, (scalar,), (left, right), line)
