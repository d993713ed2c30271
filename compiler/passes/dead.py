"""What nothing needs is dropped: registers, arrays and loops whose values are never used.

Whatever may trap stays.
"""

from __future__ import annotations

from msgspec.structs import replace

from compiler import ir, walk
from vm.module import Reduction

EMPTY_TRAPS = frozenset({Reduction.MIN, Reduction.MAX, Reduction.ARGMIN, Reduction.ARGMAX})


def dead(kernel: ir.Kernel) -> ir.Kernel:
    """The kernel without what does nothing."""
    marker = _Marker()
    while True:
        before = marker.count
        marker.block(kernel.body)
        if marker.count == before:
            return replace(kernel, body=marker.kept(kernel.body))


class _Marker:
    """The registers, arrays and carries that are needed."""

    def __init__(self) -> None:
        self.registers: set[ir.Register] = set()
        self.arrays: set[ir.Array] = set()

    @property
    def count(self) -> int:
        return len(self.registers) + len(self.arrays)

    def need(self, expr: ir.Expr) -> None:
        for node in walk.nodes(expr):
            if isinstance(node, ir.Read):
                self.registers.add(node.register)
            elif isinstance(node, ir.CarryValue):
                self.registers.add(node.carry)
            elif isinstance(node, ir.Element):
                self.arrays.add(node.array)

    def is_needed(self, statement: ir.Statement) -> bool:
        """Whether a statement does something, as far as is known yet."""
        match statement:
            case ir.Set(register, value):
                return register in self.registers or walk.can_trap(value)
            case ir.SetElement(array, index, value):
                traps = walk.can_trap_itself(ir.Element(array, index))
                traps = traps or walk.can_trap(index) or walk.can_trap(value)
                return array in self.arrays or traps
            case ir.FillArray(array, value):
                return array in self.arrays or walk.can_trap(value)
            case ir.CopyArray(target):
                return target in self.arrays
            case ir.PutCarry(carry, value):
                return carry in self.registers or walk.can_trap(value)
            case ir.If() | ir.For() | ir.Map() | ir.Scan():
                inside = any(self.is_needed(s) for part in walk.blocks(statement) for s in part)
                return inside or any(walk.can_trap(e) for e in walk.expressions(statement))
            case ir.Reduce():
                used = any(target in self.registers for target in statement.targets)
                traps = statement.kind in EMPTY_TRAPS or walk.block_can_trap(statement.body)
                return used or traps or any(map(walk.can_trap, walk.expressions(statement)))
        return True

    def block(self, block: ir.Block) -> None:
        for statement in block:
            if self.is_needed(statement):
                for expr in walk.expressions(statement):
                    self.need(expr)
                array = walk.written_array(statement)
                if array is not None:
                    self.arrays.add(array)
                if isinstance(statement, ir.CopyArray):
                    self.arrays.add(statement.source)
                for inner in walk.blocks(statement):
                    self.block(inner)

    def kept(self, block: ir.Block) -> ir.Block:
        result = []
        for statement in block:
            if self.is_needed(statement):
                inner = tuple(self.kept(part) for part in walk.blocks(statement))
                result.append(walk.with_blocks(statement, inner))
        return tuple(result)
