"""Walking the intermediate form: parts of a node, rebuilding it from other parts, simple facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from msgspec.structs import replace

from compiler import ir
from vm.module import Border
from vm.opcodes import BORDER_COST, Op
from vm.types import ScalarType

N = TypeVar("N", bound=ir.Statement)


def operands(expr: ir.Expr) -> tuple[ir.Expr, ...]:
    """The direct parts of an expression, in the order they are evaluated."""
    if isinstance(expr, ir.Operation):
        return expr.arguments
    if isinstance(expr, ir.Element):
        return (expr.index,)
    if isinstance(expr, ir.Pixel):
        return (expr.x, expr.y) if expr.fill is None else (expr.x, expr.y, expr.fill)
    return ()


def with_operands(expr: ir.Expr, parts: tuple[ir.Expr, ...]) -> ir.Expr:
    """The expression with other parts."""
    if isinstance(expr, ir.Operation):
        return replace(expr, arguments=parts)
    if isinstance(expr, ir.Element):
        return replace(expr, index=parts[0])
    if isinstance(expr, ir.Pixel):
        fill = parts[2] if expr.fill is not None else None
        return replace(expr, x=parts[0], y=parts[1], fill=fill)
    return expr


def rewrite(expr: ir.Expr, change: Callable[[ir.Expr], ir.Expr]) -> ir.Expr:
    """`change` applied to every node, innermost first."""
    parts = operands(expr)
    if parts:
        expr = with_operands(expr, tuple(rewrite(part, change) for part in parts))
    return change(expr)


def nodes(expr: ir.Expr) -> Iterator[ir.Expr]:
    """Every node of an expression, itself first."""
    yield expr
    for part in operands(expr):
        yield from nodes(part)


def expressions(statement: ir.Statement) -> tuple[ir.Expr, ...]:
    """The expressions a statement evaluates itself, in order (not those of its blocks)."""
    match statement:
        case ir.Set() | ir.FillArray() | ir.Put() | ir.PutCarry() | ir.AddRows() | ir.Yield():
            return (statement.value,)
        case ir.Give():
            return (statement.value,)
        case ir.SetElement():
            return statement.index, statement.value
        case ir.Store():
            return statement.x, statement.y, statement.value
        case ir.Require() | ir.If():
            return (statement.condition,)
        case ir.For():
            return statement.start, statement.end
        case ir.Scan():
            return (statement.serpentine,)
        case ir.Reduce(start=ir_start, end=ir_end) if ir_start is not None and ir_end is not None:
            return ir_start, ir_end
    return ()


def with_expressions(statement: N, parts: tuple[ir.Expr, ...]) -> N:
    """The statement with other expressions."""
    match statement:
        case ir.Set() | ir.FillArray() | ir.Put() | ir.PutCarry() | ir.AddRows() | ir.Yield():
            return replace(statement, value=parts[0])
        case ir.Give():
            return replace(statement, value=parts[0])
        case ir.SetElement():
            return replace(statement, index=parts[0], value=parts[1])
        case ir.Store():
            return replace(statement, x=parts[0], y=parts[1], value=parts[2])
        case ir.Require() | ir.If():
            return replace(statement, condition=parts[0])
        case ir.For():
            return replace(statement, start=parts[0], end=parts[1])
        case ir.Scan():
            return replace(statement, serpentine=parts[0])
        case ir.Reduce() if statement.start is not None:
            return replace(statement, start=parts[0], end=parts[1])
    return statement


def blocks(statement: ir.Statement) -> tuple[ir.Block, ...]:
    """The blocks of a statement."""
    if isinstance(statement, ir.If):
        return statement.then, statement.otherwise
    if isinstance(statement, ir.Loop):
        return (statement.body,)
    return ()


def with_blocks(statement: N, parts: tuple[ir.Block, ...]) -> N:
    """The statement with other blocks."""
    if isinstance(statement, ir.If):
        return replace(statement, then=parts[0], otherwise=parts[1])
    if isinstance(statement, ir.Loop):
        return replace(statement, body=parts[0])
    return statement


def rewrite_block(block: ir.Block, change: Callable[[ir.Expr], ir.Expr]) -> ir.Block:
    """`change` applied to every expression node of a block, nested ones too."""
    result = []
    for statement in block:
        parts = tuple(rewrite(part, change) for part in expressions(statement))
        inner = tuple(rewrite_block(each, change) for each in blocks(statement))
        result.append(with_blocks(with_expressions(statement, parts), inner))
    return tuple(result)


def statements(block: Iterable[ir.Statement]) -> Iterator[ir.Statement]:
    """Every statement of a block, nested ones too, in order."""
    for statement in block:
        yield statement
        for inner in blocks(statement):
            yield from statements(inner)


def all_nodes(block: Iterable[ir.Statement]) -> Iterator[ir.Expr]:
    """Every expression node of a block."""
    for statement in statements(block):
        for expr in expressions(statement):
            yield from nodes(expr)


def own_registers(statement: ir.Statement) -> tuple[ir.Register, ...]:
    """The registers a loop assigns itself at the head of its body."""
    match statement:
        case ir.For():
            return (statement.variable,)
        case ir.Map():
            return statement.x, statement.y
        case ir.Scan():
            return statement.d, statement.x, statement.y
        case ir.Reduce():
            return statement.variables
    return ()


def targets(statement: ir.Statement) -> tuple[ir.Register, ...]:
    """The registers a statement assigns where it stands (not in its blocks)."""
    if isinstance(statement, ir.Set):
        return (statement.register,)
    return statement.targets if isinstance(statement, ir.Reduce) else ()


def assigned_registers(block: Iterable[ir.Statement]) -> set[ir.Register]:
    """Every register that a block assigns, loops' own registers too."""
    found: set[ir.Register] = set()
    for statement in statements(block):
        found.update(targets(statement))
        found.update(own_registers(statement))
    return found


def written_array(statement: ir.Statement) -> ir.Array | None:
    """The array a statement writes."""
    if isinstance(statement, ir.SetElement | ir.FillArray):
        return statement.array
    return statement.target if isinstance(statement, ir.CopyArray) else None


def written_arrays(block: Iterable[ir.Statement]) -> set[ir.Array]:
    """Every array that a block writes."""
    found = (written_array(statement) for statement in statements(block))
    return {array for array in found if array is not None}


def written_images(block: Iterable[ir.Statement]) -> set[ir.Image]:
    """Every image that a block writes."""
    return {
        statement.image
        for statement in statements(block)
        if isinstance(statement, ir.Put | ir.Store | ir.Clear)
    }


def is_atom(expr: ir.Expr) -> bool:
    """Whether naming it again costs nothing."""
    return isinstance(expr, ir.Atom)


def can_trap_itself(expr: ir.Expr) -> bool:
    """Whether this node may trap, its operands aside."""
    if isinstance(expr, ir.Operation):
        if not expr.op.may_trap or expr.type.is_float:
            return False
        if expr.op is Op.NARROW:
            return True
        divisor = expr.arguments[1]
        return not (isinstance(divisor, ir.Constant) and divisor.raw != 0)
    if isinstance(expr, ir.Element):
        index = expr.index
        return not (isinstance(index, ir.Constant) and 0 <= index.raw < expr.array.length)
    if isinstance(expr, ir.Pixel):
        return expr.border is Border.INSIDE and not expr.safe
    return False


def can_trap(expr: ir.Expr) -> bool:
    """Whether evaluating it may trap."""
    return any(can_trap_itself(node) for node in nodes(expr))


def block_can_trap(block: ir.Block) -> bool:
    """Whether anything in a block may trap."""
    for statement in statements(block):
        if isinstance(statement, ir.Require) or any(map(can_trap, expressions(statement))):
            return True
        if isinstance(statement, ir.Store) and not statement.drop:
            return True
        if isinstance(statement, ir.Reduce):
            return True
        if isinstance(statement, ir.SetElement) and can_trap_itself(
            ir.Element(statement.array, statement.index)
        ):
            return True
    return False


def own_cost(expr: ir.Expr) -> int:
    """Units for one node, its operands aside: as vm.costs has them."""
    if isinstance(expr, ir.Operation):
        return expr.op.cost_units
    if isinstance(expr, ir.Element):
        return Op.ELEM_GET.cost_units
    if isinstance(expr, ir.Pixel):
        if expr.fill is not None:
            return Op.LOAD_OR.cost_units
        return Op.LOAD.cost_units + BORDER_COST[expr.border.value]
    if isinstance(expr, ir.CarryHas):
        return Op.CARRY_HAS.cost_units
    return Op.CARRY_GET.cost_units if isinstance(expr, ir.CarryValue) else 0


def cost(expr: ir.Expr) -> int:
    """Units for evaluating an expression."""
    return sum(own_cost(node) for node in nodes(expr))


def size(block: Iterable[ir.Statement]) -> int:
    """About how many instructions a block becomes."""
    count = 0
    for statement in statements(block):
        count += 2 if blocks(statement) else 1
        for expr in expressions(statement):
            count += sum(1 for _ in nodes(expr))
        if isinstance(statement, ir.FillArray | ir.CopyArray):
            count += min(64, (written_array(statement) or statement.array).length)  # type: ignore[union-attr]
    return count


def is_bool(scalar: ScalarType) -> bool:
    """Whether it is the type of conditions."""
    return scalar is ScalarType.BOOL
