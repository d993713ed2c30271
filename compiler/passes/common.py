"""What is computed twice in straight code is computed once."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from compiler import ir, walk
from vm.module import Role

Available = dict[ir.Expr, ir.Register]
Written = frozenset[ir.Image] | None
"""The images that the loop around writes; None outside of map, scan and reductions."""


def common(kernel: ir.Kernel) -> ir.Kernel:
    """The kernel with repeated expressions kept in registers."""
    finder = _Finder(kernel)
    return replace(kernel, body=finder.block(kernel.body, {}, None))


class _Finder:
    def __init__(self, kernel: ir.Kernel) -> None:
        sets: Counter[ir.Register] = Counter()
        for statement in walk.statements(kernel.body):
            sets.update(walk.targets(statement))
        self.unstable = {register for register, count in sets.items() if count > 1}

    def block(self, block: ir.Block, available: Available, written: Written) -> ir.Block:
        counts = Counter(
            node
            for node in walk.all_nodes(block)
            if walk.own_cost(node) and self.is_shareable(node, written)
        )
        result: list[ir.Statement] = []
        available = dict(available)
        for statement in block:
            self.statement(statement, counts, available, written, result)
        return tuple(result)

    def statement(
        self,
        statement: ir.Statement,
        counts: Counter[ir.Expr],
        available: Available,
        written: Written,
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
        if written is None and isinstance(statement, ir.Map | ir.Scan | ir.Reduce):
            written = frozenset(walk.written_images(statement.body))
        inner = tuple(self.block(part, available, written) for part in walk.blocks(statement))
        result.append(walk.with_blocks(walk.with_expressions(statement, parts), inner))

    def is_shareable(self, expr: ir.Expr, written: Written) -> bool:
        """Whether its value is the same wherever its registers can be read, and it cannot trap."""
        for node in walk.nodes(expr):
            if isinstance(node, ir.Read) and node.register in self.unstable:
                return False
            if isinstance(node, ir.Element) and node.array.is_local:
                return False
            changes = written is None or (isinstance(node, ir.Pixel) and node.image in written)
            if isinstance(node, ir.Pixel) and changes and node.image.role is not Role.IN:
                return False
            if isinstance(node, ir.RowsValue) or walk.can_trap_itself(node):
                return False
        return True
