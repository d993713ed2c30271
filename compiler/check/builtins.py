"""Functions that are instructions: `min`, `max`, `abs`, `sqrt`, `floor`, `div_floor` and others."""

from __future__ import annotations

from compiler import syntax
from compiler.check.body import Body, is_poison, poison
from compiler.check.conversions import demand
from compiler.check.folding import fold
from compiler.check.literals import default_type, untyped_kind
from compiler.check.scope import article
from compiler.typed import Binary, Expr, Unary
from compiler.types import ScalarType, ValueType, scalar_of
from vm.opcodes import Op

UNARY = {
    "abs": Op.ABS,
    "sqrt": Op.SQRT,
    "floor": Op.FLOOR,
    "ceil": Op.CEIL,
    "trunc": Op.TRUNC,
    "round": Op.NEAREST,
}
BINARY = {
    "min": Op.MIN,
    "max": Op.MAX,
    "div_floor": Op.DIV_FLOOR,
    "mod_floor": Op.MOD_FLOOR,
    "div_round": Op.DIV_ROUND,
}
REDUCTIONS = frozenset({"sum", "min", "max", "argmin", "argmax", "count"})
BUILTINS = frozenset({*UNARY, *BINARY, *REDUCTIONS, "require"})
WORDS = {
    Op.SQRT: "floats: 'sqrt(f64({0}))'; for whole numbers there is isqrt in std.image",
    Op.ABS: "signed numbers",
}


def check_builtin(body: Body, node: syntax.CallExpr, name: str, expected: ValueType | None) -> Expr:
    """A call of a builtin with plain arguments."""
    count = 1 if name in UNARY else 2
    if name in REDUCTIONS and name not in BINARY:
        return body.error(
            "CPS0401",
            node.span,
            "nothing to go over",
            f"'{name}' needs a 'for'",
            help=f"write '{name}(v[i] for i in 0..n)'",
        )
    if len(node.arguments) != count or any(each.name for each in node.arguments):
        plural = "s" if count > 1 else ""
        return body.error(
            "CPS0401",
            node.span,
            f"found {len(node.arguments)}",
            f"'{name}' takes {count} value{plural}",
        )
    nodes = [argument.value for argument in node.arguments]
    operands = _operands(body, nodes, expected)
    if is_poison(*operands):
        return poison(node.span)
    op = UNARY.get(name) or BINARY[name]
    return _apply(body, op, name, operands, node)


def _operands(body: Body, nodes: list[syntax.Expr], expected: ValueType | None) -> list[Expr]:
    """The operands, literals in the type of those that have one."""
    kinds = [untyped_kind(node) for node in nodes]
    if all(kinds):
        kind = "float" if "float" in kinds else "int"
        wanted = (scalar_of(expected) if expected is not None else None) or default_type(kind)
        return [body.expr(node, wanted) for node in nodes]
    typed = {i: body.expr(nodes[i], expected) for i, kind in enumerate(kinds) if kind is None}
    first = next(iter(typed.values()))
    wanted_type = scalar_of(first.type)
    for index, node in enumerate(nodes):
        if index not in typed:
            typed[index] = body.expr(node, wanted_type)
    operands = [typed[index] for index in range(len(nodes))]
    return [operands[0], *(demand(body, each, first.type, "the other is") for each in operands[1:])]


def _apply(body: Body, op: Op, name: str, operands: list[Expr], node: syntax.CallExpr) -> Expr:
    type_ = operands[0].type
    if not isinstance(type_, ScalarType) or type_ not in op.types:
        text = operands[0].span.text
        help_ = None
        if isinstance(type_, ScalarType) and type_.is_integer and op in WORDS:
            help_ = f"it is for {WORDS[op].format(text)}"
        elif isinstance(type_, ScalarType) and type_.is_narrow:
            help_ = f"convert first: 'i32({text})'"
        elif isinstance(type_, ScalarType) and type_.is_integer:
            help_ = "whole numbers have no fraction" if len(operands) == 1 else None
        return body.error(
            "CPS0304",
            operands[0].span,
            f"this is {article(type_)}",
            f"'{name}' does not apply to {article(type_)}",
            help=help_,
        )
    folded = fold(op, type_, tuple(operands), node.span)
    if folded is not None:
        return folded
    if len(operands) == 1:
        return Unary(op, operands[0], type_, node.span)
    return Binary(op, operands[0], operands[1], type_, node.span)
