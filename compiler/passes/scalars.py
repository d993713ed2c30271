"""Short local arrays that are only indexed by constants become registers."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from compiler import ir, walk

MOST_ELEMENTS = 64

Registers = dict[ir.Array, tuple[ir.Register, ...]]


def scalars(kernel: ir.Kernel) -> ir.Kernel:
    """The kernel with such arrays replaced."""
    registers = {
        array: tuple(ir.Register(array.type) for _ in range(array.length))
        for array in _candidates(kernel.body)
    }
    if not registers:
        return kernel
    return replace(kernel, body=_block(kernel.body, registers))


def _candidates(block: ir.Block) -> list[ir.Array]:
    kept: dict[ir.Array, bool] = {}
    for statement in walk.statements(block):
        if isinstance(statement, ir.SetElement):
            _judge(kept, statement.array, statement.index)
        elif isinstance(statement, ir.FillArray):
            kept.setdefault(statement.array, True)
        elif isinstance(statement, ir.CopyArray):
            kept.setdefault(statement.target, True)
    for node in walk.all_nodes(block):
        if isinstance(node, ir.Element):
            _judge(kept, node.array, node.index)
    return [
        array
        for array, good in kept.items()
        if good and array.is_local and array.length <= MOST_ELEMENTS
    ]


def _judge(kept: dict[ir.Array, bool], array: ir.Array, index: ir.Expr) -> None:
    inside = isinstance(index, ir.Constant) and 0 <= index.raw < array.length
    kept[array] = kept.get(array, True) and inside


def _block(block: ir.Block, registers: Registers) -> ir.Block:
    def node(expr: ir.Expr) -> ir.Expr:
        if isinstance(expr, ir.Element) and expr.array in registers:
            assert isinstance(expr.index, ir.Constant)
            return ir.Read(registers[expr.array][expr.index.raw])
        return expr

    result: list[ir.Statement] = []
    for statement in block:
        parts = tuple(walk.rewrite(part, node) for part in walk.expressions(statement))
        statement = walk.with_expressions(statement, parts)
        inner = tuple(_block(part, registers) for part in walk.blocks(statement))
        result += _statement(walk.with_blocks(statement, inner), registers)
    return tuple(result)


def _statement(statement: ir.Statement, registers: Registers) -> Iterable[ir.Statement]:
    match statement:
        case ir.SetElement(array, ir.Constant() as index, value) if array in registers:
            return [ir.Set(registers[array][index.raw], value, statement.line)]
        case ir.FillArray(array, value) if array in registers:
            once = ir.Register(array.type)
            sets = [ir.Set(each, ir.Read(once), statement.line) for each in registers[array]]
            return [ir.Set(once, value, statement.line), *sets]
        case ir.CopyArray(target, source) if target in registers or source in registers:
            return _copied(statement, registers)
    return [statement]


def _copied(statement: ir.CopyArray, registers: Registers) -> list[ir.Statement]:
    target, source, line = statement.target, statement.source, statement.line
    result: list[ir.Statement] = []
    if target not in registers:
        result.append(ir.FillArray(target, ir.Constant(0, target.type), line))
    for index in range(target.length):
        place = ir.i32(index)
        value = (
            ir.Read(registers[source][index])
            if source in registers
            else ir.Element(source, place, line)
        )
        if target in registers:
            result.append(ir.Set(registers[target][index], value, line))
        else:
            result.append(ir.SetElement(target, place, value, line))
    return result
