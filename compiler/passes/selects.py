"""An `if` whose arms only compute little, and cannot trap, becomes selects."""

from __future__ import annotations

from msgspec.structs import replace

from compiler import ir, walk
from compiler.passes.fold import folded
from vm.opcodes import Op
from vm.types import ScalarType

MOST_UNITS = 24


def selects(kernel: ir.Kernel) -> ir.Kernel:
    """The kernel with such `if`s replaced, innermost first."""
    return replace(kernel, body=_block(kernel.body))


def _block(block: ir.Block) -> ir.Block:
    result: list[ir.Statement] = []
    for statement in block:
        inner = tuple(_block(part) for part in walk.blocks(statement))
        statement = walk.with_blocks(statement, inner)
        converted = _converted(statement) if isinstance(statement, ir.If) else None
        result += [statement] if converted is None else converted
    return tuple(result)


def _converted(statement: ir.If) -> list[ir.Statement] | None:
    arms = [_sets(statement.then), _sets(statement.otherwise)]
    then, otherwise = arms
    if then is None or otherwise is None:
        return None
    if sum(walk.cost(each.value) for arm in (then, otherwise) for each in arm) > MOST_UNITS:
        return None
    first = {each.register: each.value for each in then}
    second = {each.register: each.value for each in otherwise}
    if len(first) != len(then) or len(second) != len(otherwise):
        return None
    result: list[ir.Statement] = []
    condition = statement.condition
    joined = [register for register in first if register in second]
    if len(joined) > 1 and not isinstance(condition, ir.Atom):
        saved = ir.Register(ScalarType.BOOL)
        result.append(ir.Set(saved, condition, statement.line))
        condition = ir.Read(saved)
    result += [each for each in then if each.register not in second]
    result += [each for each in otherwise if each.register not in first]
    for register in joined:
        parts = (condition, first[register], second[register])
        chosen = folded(ir.Operation(Op.SELECT, (register.type,), parts, statement.line))
        result.append(ir.Set(register, chosen, statement.line))
    return result


def _sets(block: ir.Block) -> list[ir.Set] | None:
    """The arm as assignments that may as well be done always; None if it is more than that."""
    found = []
    for statement in block:
        if not isinstance(statement, ir.Set) or walk.can_trap(statement.value):
            return None
        found.append(statement)
    return found
