"""What is computed twice in straight code is computed once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from compiler import ir, walk
from vm.module import Role

Available = dict[ir.Expr, ir.Register]


def common(kernel: ir.Kernel) -> ir.Kernel:
    """The kernel with repeated expressions kept in registers."""
    finder = _Finder(kernel)
    return replace(kernel, body=finder.block(kernel.body, {}, False))


class _Finder:
    def __init__(self, kernel: ir.Kernel) -> None:
        sets: Counter[ir.Register] = Counter()
        for statement in walk.statements(kernel.body):
            sets.update(walk.targets(statement))
        self.unstable = {register for register, count in sets.items() if count > 1}

    def block(self, block: ir.Block, available: Available, in_pixels: bool) -> ir.Block:
        counts = Counter(
            node
            for node in walk.all_nodes(block)
            if walk.own_cost(node) and self.is_shareable(node, in_pixels)
        )
        result: list[ir.Statement] = []
        available = dict(available)
        for statement in block:
            self.statement(statement, counts, available, in_pixels, result)
        return tuple(result)

    def statement(
        self,
        statement: ir.Statement,
        counts: Counter[ir.Expr],
        available: Available,
        in_pixels: bool,
        result: list[ir.Statement],
    ) -> None:
        def visit(expr: ir.Expr) -> ir.Expr:
            if expr in available:
                return ir.Read(available[expr])
            repeated = counts[expr] > 1
            parts = tuple(visit(part) for part in walk.operands(expr))
            rebuilt = walk.with_operands(expr, parts) if parts else expr
            if not repeated:
                return rebuilt
            register = ir.Register(expr.type, "common")
            available[expr] = register
            result.append(ir.Set(register, rebuilt, statement.line))
            return ir.Read(register)

        parts = tuple(visit(part) for part in walk.expressions(statement))
        pixels = in_pixels or isinstance(statement, ir.Map | ir.Scan | ir.Reduce)
        inner = tuple(self.block(part, available, pixels) for part in walk.blocks(statement))
        result.append(walk.with_blocks(walk.with_expressions(statement, parts), inner))

    def is_shareable(self, expr: ir.Expr, in_pixels: bool) -> bool:
        """Whether its value is the same wherever its registers can be read, and it cannot trap."""
        for node in walk.nodes(expr):
            if isinstance(node, ir.Read) and node.register in self.unstable:
                return False
            if isinstance(node, ir.Element) and node.array.is_local:
                return False
            if isinstance(node, ir.Pixel) and not in_pixels and node.image.role is not Role.IN:
                return False
            if isinstance(node, ir.RowsValue) or walk.can_trap_itself(node):
                return False
        return True
