"""What does not change in a loop, and cannot trap, is computed before it, once."""

from __future__ import annotations

from msgspec.structs import replace

from compiler import ir, walk


def hoist(kernel: ir.Kernel) -> ir.Kernel:
    """The kernel with loop-invariant expressions moved out, from the outermost loop inwards."""
    return replace(kernel, body=_block(kernel.body))


def _block(block: ir.Block) -> ir.Block:
    result: list[ir.Statement] = []
    for statement in block:
        if isinstance(statement, ir.Loop):
            hoister = _Hoister(statement)
            body = walk.rewrite_block(statement.body, hoister.mark)
            body = hoister.replaced(body)
            result += hoister.sets
            statement = walk.with_blocks(statement, (body,))
        inner = tuple(_block(part) for part in walk.blocks(statement))
        result.append(walk.with_blocks(statement, inner))
    return tuple(result)


class _Hoister:
    """Finds invariant expressions bottom-up, then replaces the largest of them."""

    def __init__(self, loop: ir.Loop) -> None:
        self.line = loop.line
        self.assigned = walk.assigned_registers(loop.body) | set(walk.own_registers(loop))
        self.arrays = walk.written_arrays(loop.body)
        self.images = walk.written_images(loop.body)
        self.invariant: set[ir.Expr] = set()
        self.registers: dict[ir.Expr, ir.Register] = {}
        self.sets: list[ir.Statement] = []

    def mark(self, expr: ir.Expr) -> ir.Expr:
        if self.is_invariant(expr):
            self.invariant.add(expr)
        return expr

    def is_invariant(self, expr: ir.Expr) -> bool:
        if isinstance(expr, ir.Read):
            return expr.register not in self.assigned
        if isinstance(expr, ir.CarryValue | ir.CarryHas | ir.RowsValue) or walk.can_trap_itself(
            expr
        ):
            return False
        if isinstance(expr, ir.Element) and expr.array in self.arrays:
            return False
        if isinstance(expr, ir.Pixel) and expr.image in self.images:
            return False
        return all(part in self.invariant for part in walk.operands(expr))

    def replaced(self, block: ir.Block) -> ir.Block:
        result = []
        for statement in block:
            parts = tuple(self.expr(part) for part in walk.expressions(statement))
            inner = tuple(self.replaced(part) for part in walk.blocks(statement))
            result.append(walk.with_blocks(walk.with_expressions(statement, parts), inner))
        return tuple(result)

    def expr(self, expr: ir.Expr) -> ir.Expr:
        if expr in self.invariant:
            if isinstance(expr, ir.Atom):
                return expr
            if expr not in self.registers:
                self.registers[expr] = ir.Register(expr.type, "invariant")
                self.sets.append(ir.Set(self.registers[expr], expr, self.line))
            return ir.Read(self.registers[expr])
        parts = walk.operands(expr)
        if not parts:
            return expr
        return walk.with_operands(expr, tuple(self.expr(part) for part in parts))
