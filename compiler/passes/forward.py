"""A register that is set once and read once becomes part of the expression that reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from compiler import ir, walk
from vm.module import Role

MOST_DEPTH = 48


def forward(kernel: ir.Kernel) -> ir.Kernel:
    """The kernel with such registers gone, where nothing is evaluated more often or too late."""
    return replace(kernel, body=_Forwarder(kernel.body).block(kernel.body))


class _Forwarder:
    def __init__(self, block: ir.Block) -> None:
        self.sets: Counter[ir.Register] = Counter()
        self.reads: Counter[ir.Register] = Counter()
        for statement in walk.statements(block):
            self.sets.update(walk.targets(statement))
        for node in walk.all_nodes(block):
            if isinstance(node, ir.Read):
                self.reads[node.register] += 1

    def block(self, block: ir.Block) -> ir.Block:
        done: list[ir.Statement] = []
        for statement in reversed(block):  # later uses first: chains collapse from their end
            inner = tuple(self.block(part) for part in walk.blocks(statement))
            statement = walk.with_blocks(statement, inner)
            if not (isinstance(statement, ir.Set) and self.moved(statement, done)):
                done.append(statement)
        return tuple(reversed(done))

    def moved(self, statement: ir.Set, later: list[ir.Statement]) -> bool:
        """Put the value where it is read, in `later` (latest first); False if it must stay."""
        register = statement.register
        if self.sets[register] != 1 or self.reads[register] != 1:
            return False
        if _depth(statement.value) > MOST_DEPTH:
            return False
        traps = walk.can_trap(statement.value)
        for index in range(len(later) - 1, -1, -1):
            user = later[index]
            if _reads(user, register):
                if traps and not _is_first(user, register):
                    return False
                value = replace_line(statement.value, statement.line)
                later[index] = _substituted(user, register, value)
                return True
            if traps or walk.blocks(user) or self.disturbs(user, statement.value):
                return False
        return False

    def disturbs(self, statement: ir.Statement, value: ir.Expr) -> bool:
        """Whether a statement may change what the value reads."""
        registers = set(walk.targets(statement))
        array = walk.written_array(statement)
        images = walk.written_images([statement])
        for node in walk.nodes(value):
            if isinstance(node, ir.Read) and node.register in registers:
                return True
            if isinstance(node, ir.Element) and node.array is array:
                return True
            if isinstance(node, ir.Pixel) and node.image in images:
                return node.image.role is not Role.IN
        return False


def replace_line(value: ir.Expr, line: int) -> ir.Expr:
    """The value with its line on every node that has none."""

    def node(expr: ir.Expr) -> ir.Expr:
        if isinstance(expr, ir.Operation | ir.Element | ir.Pixel) and not expr.line:
            return replace(expr, line=line)
        return expr

    return walk.rewrite(value, node)


def _reads(statement: ir.Statement, register: ir.Register) -> bool:
    return any(
        isinstance(node, ir.Read) and node.register is register
        for part in walk.expressions(statement)
        for node in walk.nodes(part)
    )


def _evaluated(expr: ir.Expr) -> Iterator[ir.Expr]:
    for part in walk.operands(expr):
        yield from _evaluated(part)
    yield expr


def _is_first(statement: ir.Statement, register: ir.Register) -> bool:
    """Whether nothing that may trap is evaluated before the register is read."""
    for part in walk.expressions(statement):
        for node in _evaluated(part):
            if isinstance(node, ir.Read) and node.register is register:
                return True
            if walk.can_trap_itself(node):
                return False
    return False


def _substituted(statement: ir.Statement, register: ir.Register, value: ir.Expr) -> ir.Statement:
    def node(expr: ir.Expr) -> ir.Expr:
        return value if isinstance(expr, ir.Read) and expr.register is register else expr

    parts = tuple(walk.rewrite(part, node) for part in walk.expressions(statement))
    return walk.with_expressions(statement, parts)


def _depth(expr: ir.Expr) -> int:
    return 1 + max((_depth(part) for part in walk.operands(expr)), default=0)
