"""Operators: arithmetic, bits, comparisons, logic, and `if` as an expression."""

from __future__ import annotations

from compiler import syntax
from compiler.check.body import Body, expression, is_poison, poison
from compiler.check.conversions import condition, holds
from compiler.check.folding import COMPARISONS, fold
from compiler.check.literals import default_type, number, untyped_kind
from compiler.check.scope import article
from compiler.source import Span
from compiler.typed import Binary, Expr, Literal, Logical, Select, Unary
from compiler.types import BOOL, I32, ArrayType, ScalarType, ValueType, scalar_of
from vm.opcodes import Op

OPERATORS = {
    "+": Op.ADD,
    "-": Op.SUB,
    "*": Op.MUL,
    "/": Op.DIV,
    "%": Op.REM,
    "&": Op.AND,
    "|": Op.OR,
    "^": Op.XOR,
    "<<": Op.SHL,
    ">>": Op.SHR,
    "==": Op.EQ,
    "!=": Op.NE,
    "<": Op.LT,
    "<=": Op.LE,
    ">": Op.GT,
    ">=": Op.GE,
}
VERBS = {Op.ADD: "add", Op.SUB: "subtract", Op.MUL: "multiply", Op.DIV: "divide"}
ELEMENTWISE = frozenset({Op.ADD, Op.SUB, Op.MUL})


@expression(syntax.UnaryExpr)
def check_unary(body: Body, node: syntax.UnaryExpr, expected: ValueType | None) -> Expr:
    """`-a`, `!a`, `~a`."""
    if node.operator == "-" and isinstance(node.operand, syntax.Number):
        return _negative_number(body, node, node.operand, expected)
    operand = body.expr(node.operand, expected)
    if is_poison(operand):
        return poison(node.span)
    op = Op.NEG if node.operator == "-" else Op.NOT
    return unary(body, op, node.operator, operand, node.span)


def _negative_number(
    body: Body, node: syntax.UnaryExpr, literal: syntax.Number, expected: ValueType | None
) -> Expr:
    """`-5` as one literal, so that the least i32 can be written."""
    value = -literal.value
    if isinstance(literal.value, int):
        wanted = scalar_of(expected) if expected is not None else None
        if wanted is not None and wanted.is_float and literal.value == 0:
            value = -0.0
    return number(body, value, literal.suffix, node.span, expected)


def unary(body: Body, op: Op, sign: str, operand: Expr, span: Span) -> Expr:
    """A unary operator on a checked operand."""
    scalar = scalar_of(operand.type)
    array = isinstance(operand.type, ArrayType)
    if scalar is None or (array and op is not Op.NEG):
        return _no_operator(body, sign, operand, span, None)
    if scalar.is_narrow:
        return _narrow(body, sign, operand, span)
    if scalar not in op.types or (sign == "!" and scalar is not BOOL):
        help_ = None
        if sign == "!" and scalar.is_integer:
            help_ = "'~' flips bits, '!' is for bools"
        elif op is Op.NEG and scalar.is_integer:
            help_ = f"unsigned numbers have no sign; '0 - {operand.span.text}' wraps"
        return _no_operator(body, sign, operand, span, help_)
    if sign == "~" and scalar is BOOL:
        return _no_operator(body, sign, operand, span, "write '!' for bools")
    if isinstance(operand.type, ScalarType):
        folded = fold(op, operand.type, (operand,), span)
        if folded is not None:
            return folded
    return Unary(op, operand, operand.type, span)


def _no_operator(body: Body, sign: str, operand: Expr, span: Span, help_: str | None) -> Expr:
    return body.error(
        "CPS0304",
        operand.span,
        f"this is {article(operand.type)}",
        f"'{sign}' does not apply to {article(operand.type)}",
        help=help_,
    )


def _narrow(body: Body, sign: str, operand: Expr, span: Span) -> Expr:
    text = operand.span.text
    return body.error(
        "CPS0302",
        operand.span,
        f"this is {article(scalar_of(operand.type))}",
        f"'{sign}' does not calculate in {scalar_of(operand.type)}",
        help=f"convert first: 'i32({text})'",
        note="u8, i8, u16 and i16 are for storage: copy, compare, select, min and max",
    )


@expression(syntax.BinaryExpr)
def check_binary(body: Body, node: syntax.BinaryExpr, expected: ValueType | None) -> Expr:
    """`a + b` and its like."""
    if node.operator in ("&&", "||"):
        return _logical(body, node)
    op = OPERATORS[node.operator]
    wanted = scalar_of(expected) if expected is not None else None
    if wanted is not None and wanted.is_narrow and untyped_kind(node) == "int":
        return _small_constant(body, node, wanted)
    left, right = _operands(body, node, None if op in COMPARISONS else expected)
    if is_poison(left, right):
        return poison(node.span)
    return binary(body, op, node.operator, left, right, node.span)


def _small_constant(body: Body, node: syntax.BinaryExpr, wanted: ScalarType) -> Expr:
    """`128 + 64` where a u8 is expected: calculated in i32, and it must fit."""
    value = body.expr(node, I32)
    if isinstance(value, Literal) and not is_poison(value):
        return number(body, int(value.value), "", node.span, wanted)
    return value


def _operands(body: Body, node: syntax.BinaryExpr, expected: ValueType | None) -> tuple[Expr, Expr]:
    """Both operands: literals take the type of the other side, or what is expected."""
    left_kind, right_kind = untyped_kind(node.left), untyped_kind(node.right)
    if left_kind and right_kind:
        kind = "float" if "float" in (left_kind, right_kind) else "int"
        wanted = (scalar_of(expected) if expected is not None else None) or default_type(kind)
        if wanted is BOOL:
            wanted = default_type(kind)
        return body.expr(node.left, wanted), body.expr(node.right, wanted)
    if left_kind:
        right = body.expr(node.right, expected)
        return body.expr(node.left, _literal_type(right, left_kind)), right
    left = body.expr(node.left, expected)
    if right_kind:
        return left, body.expr(node.right, _literal_type(left, right_kind))
    return left, body.expr(node.right, expected if expected is not None else left.type)


def _literal_type(other: Expr, kind: str) -> ValueType | None:
    """What a literal beside `other` is: its type, unless a float literal meets an integer."""
    scalar = scalar_of(other.type)
    if scalar is None or scalar is BOOL or (kind == "float" and not scalar.is_float):
        return None
    return scalar


def binary(body: Body, op: Op, sign: str, left: Expr, right: Expr, span: Span) -> Expr:
    """A binary operator on checked operands."""
    if is_poison(left, right):
        return poison(span)
    if isinstance(left.type, ArrayType) or isinstance(right.type, ArrayType):
        return _array_binary(body, op, sign, left, right, span)
    scalar = left.type
    if not isinstance(scalar, ScalarType) or not isinstance(right.type, ScalarType):
        wrong = right if isinstance(scalar, ScalarType) else left
        return _no_operator(body, sign, wrong, span, None)
    if op not in COMPARISONS and (scalar.is_narrow or right.type.is_narrow):
        return _narrow_binary(body, sign, left, right)
    if scalar is not right.type:
        return _different(body, op, sign, left, right, span)
    if scalar not in op.types:
        return _no_operator(body, sign, left, span, _instead(op, scalar))
    type_ = BOOL if op in COMPARISONS else scalar
    folded = fold(op, type_, (left, right), span)
    return folded if folded is not None else Binary(op, left, right, type_, span)


def _narrow_binary(body: Body, sign: str, left: Expr, right: Expr) -> Expr:
    """Refuse to calculate in a narrow type, and show what to write."""

    def is_narrow(operand: Expr) -> bool:
        return isinstance(operand.type, ScalarType) and operand.type.is_narrow

    def converted(operand: Expr) -> str:
        text = operand.span.text
        return f"i32({text})" if is_narrow(operand) and not isinstance(operand, Literal) else text

    wrong = left if is_narrow(left) and not isinstance(left, Literal) else right
    if not is_narrow(wrong):
        wrong = left
    return body.error(
        "CPS0302",
        wrong.span,
        f"this is {article(wrong.type)}",
        f"'{sign}' does not calculate in {wrong.type}",
        help=f"convert first: '{converted(left)} {sign} {converted(right)}'",
        note="u8, i8, u16 and i16 are for storage: copy, compare, select, min and max",
    )


def _instead(op: Op, scalar: ScalarType) -> str | None:
    if op is Op.REM and scalar.is_float:
        return "floats have no '%': 'a - b * floor(a / b)'"
    if scalar is BOOL and op in (Op.LT, Op.LE, Op.GT, Op.GE):
        return "bools compare with '==' and '!='"
    return None


def _different(body: Body, op: Op, sign: str, left: Expr, right: Expr, span: Span) -> Expr:
    verb = VERBS.get(op, f"apply '{sign}' to")
    message = f"cannot {verb} {article(left.type)} and {article(right.type)}"
    if op in COMPARISONS:
        message = f"cannot compare {article(left.type)} with {article(right.type)}"
    return body.error(
        "CPS0301",
        right.span,
        f"this is {article(right.type)}",
        message,
        also=((left.span, f"this is {article(left.type)}"),),
        help=_unify_advice(left, right),
    )


def _unify_advice(left: Expr, right: Expr) -> str | None:
    """How to give both operands one type: convert the one that loses nothing."""
    a, b = left.type, right.type
    assert isinstance(a, ScalarType)
    assert isinstance(b, ScalarType)
    if BOOL in (a, b):
        return None
    if a.is_float and (not b.is_float or b.bits < a.bits):
        return f"convert the right side: '{a}({right.span.text})'"
    if b.is_float:
        return f"convert the left side: '{b}({left.span.text})'"
    if holds(a, b):
        return f"convert the right side: '{a}({right.span.text})'"
    if holds(b, a):
        return f"convert the left side: '{b}({left.span.text})'"
    return f"convert both: 'i64({left.span.text})' and 'i64({right.span.text})'"


def _array_binary(body: Body, op: Op, sign: str, left: Expr, right: Expr, span: Span) -> Expr:
    a, b = left.type, right.type
    scalar = scalar_of(a) or scalar_of(b)
    assert scalar is not None
    if scalar.is_narrow and op not in COMPARISONS:
        return _narrow(body, sign, left if isinstance(a, ArrayType) else right, span)
    if a == b and op in ELEMENTWISE:
        return Binary(op, left, right, a, span)
    if isinstance(a, ArrayType) and b is scalar_of(a) and op in (Op.MUL, Op.DIV):
        return Binary(op, left, right, a, span)
    if isinstance(b, ArrayType) and a is scalar_of(b) and op is Op.MUL:
        return Binary(op, left, right, b, span)
    return body.error(
        "CPS0304",
        span,
        f"{article(a)} and {article(b)}",
        f"'{sign}' does not apply to {article(a)} and {article(b)}",
        help="arrays of one type add, subtract and multiply element by element; "
        "'*' and '/' scale them by a number of their type",
    )


def _logical(body: Body, node: syntax.BinaryExpr) -> Expr:
    left, right = condition(body, node.left), condition(body, node.right)
    if is_poison(left, right):
        return poison(node.span)
    conjunction = node.operator == "&&"
    if isinstance(left, Literal):
        return right if left.value == conjunction else left
    return Logical(conjunction, left, right, BOOL, node.span)


@expression(syntax.IfExpr)
def check_if(body: Body, node: syntax.IfExpr, expected: ValueType | None) -> Expr:
    """`if c { a } else { b }` as a value."""
    test = condition(body, node.condition)
    then_kind, else_kind = untyped_kind(node.then), untyped_kind(node.otherwise)
    if then_kind and else_kind:
        kind = "float" if "float" in (then_kind, else_kind) else "int"
        both = expected if expected is not None else default_type(kind)
        then, otherwise = body.expr(node.then, both), body.expr(node.otherwise, both)
    elif then_kind:
        otherwise = body.expr(node.otherwise, expected)
        then = body.expr(node.then, _literal_type(otherwise, then_kind))
    else:
        then = body.expr(node.then, expected)
        wanted = _literal_type(then, else_kind) if else_kind else expected or then.type
        otherwise = body.expr(node.otherwise, wanted)
    if is_poison(test, then, otherwise):
        return poison(node.span)
    if then.type != otherwise.type:
        return body.error(
            "CPS0301",
            otherwise.span,
            f"this is {article(otherwise.type)}",
            "the two arms of this 'if' have different types",
            also=((then.span, f"this is {article(then.type)}"),),
        )
    if isinstance(test, Literal):
        return then if test.value else otherwise
    return Select(test, then, otherwise, then.type, node.span)


def op_assign(body: Body, sign: str, current: Expr, value: Expr, span: Span) -> Expr:
    """`current sign value`, as an op-assignment computes it."""
    return binary(body, OPERATORS[sign], sign, current, value, span)
