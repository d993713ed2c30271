"""Folding of constants, and algebra that holds for every value of the type.

Nothing here takes away a signed wrap unless the exact result is kept: a checked run shall trap.
"""

from __future__ import annotations

from collections.abc import Callable

from compiler import ir, walk
from vm.bits import to_raw
from vm.opcodes import Op
from vm.scalar import CHECKED, ArithmeticTrap
from vm.types import ScalarType

BOOL = ScalarType.BOOL
COMMUTATIVE = frozenset({Op.ADD, Op.MUL, Op.AND, Op.OR, Op.XOR})


def folded(expr: ir.Expr) -> ir.Expr:
    """An equal expression whose root is folded; its parts are taken as they are."""
    if isinstance(expr, ir.Element):
        return _element(expr)
    if not isinstance(expr, ir.Operation):
        return expr
    constants = [part for part in expr.arguments if isinstance(part, ir.Constant)]
    if len(constants) == len(expr.arguments):
        return _evaluated(expr)
    if expr.op in COMMUTATIVE and isinstance(expr.arguments[0], ir.Constant):
        expr = ir.Operation(expr.op, expr.types, expr.arguments[::-1], expr.line)
    rule = RULES.get(expr.op)
    return rule(expr) if rule is not None else expr


def add(left: ir.Expr, right: ir.Expr) -> ir.Expr:
    """Folded i32 addition."""
    return folded(ir.Operation(Op.ADD, (ScalarType.I32,), (left, right)))


def _evaluated(expr: ir.Operation) -> ir.Expr:
    values = [part.value for part in expr.arguments if isinstance(part, ir.Constant)]
    try:
        result = CHECKED[expr.op](*expr.types, *values)
    except ArithmeticTrap:
        return expr
    return ir.Constant(to_raw(expr.type, result), expr.type)


def _element(expr: ir.Element) -> ir.Expr:
    index = expr.index
    if isinstance(index, ir.Constant) and 0 <= index.raw < len(expr.array.data):
        return ir.Constant(expr.array.data[index.raw], expr.array.type)
    return expr


def _raw(expr: ir.Expr) -> int | None:
    return expr.raw if isinstance(expr, ir.Constant) else None


def _one(scalar: ScalarType) -> int:
    return to_raw(scalar, 1)


def _sum(expr: ir.Operation) -> ir.Expr:
    """X + 0, x - 0, and chains of constants: integers add up modulo 2^bits."""
    scalar, (left, right) = expr.types[0], expr.arguments
    if not isinstance(right, ir.Constant):
        return expr
    if scalar.is_float:
        neutral = to_raw(scalar, -0.0 if expr.op is Op.ADD else 0.0)
        return left if right.raw == neutral else expr
    total = right.raw if expr.op is Op.ADD else -right.raw
    if isinstance(left, ir.Operation) and left.op in (Op.ADD, Op.SUB):
        inner = _raw(left.arguments[1])
        if inner is not None:
            total += inner if left.op is Op.ADD else -inner
            left = left.arguments[0]
    if scalar.is_signed and not scalar.minimum <= total <= scalar.maximum:
        return expr
    return _plus(left, total, scalar, expr.line)


def _plus(left: ir.Expr, total: int, scalar: ScalarType, line: int) -> ir.Expr:
    """A sum, or a difference where its constant is smaller: intervals then stay in the type."""
    modulus = 1 << scalar.bits
    total %= modulus
    if total == 0:
        return left
    if total > modulus // 2:
        return ir.Operation(Op.SUB, (scalar,), (left, ir.Constant(modulus - total, scalar)), line)
    raw = total if total <= scalar.maximum else total - modulus
    return ir.Operation(Op.ADD, (scalar,), (left, ir.Constant(raw, scalar)), line)


def _product(expr: ir.Operation) -> ir.Expr:
    scalar, (left, right) = expr.types[0], expr.arguments
    raw = _raw(right)
    if raw == _one(scalar):
        return left
    if raw == 0 and not scalar.is_float and not walk.can_trap(left):
        return right
    return expr


def _quotient(expr: ir.Operation) -> ir.Expr:
    left, right = expr.arguments
    return left if _raw(right) == _one(expr.types[0]) else expr


def _conjunction(expr: ir.Operation) -> ir.Expr:
    scalar, (left, right) = expr.types[0], expr.arguments
    raw = _raw(right)
    if raw is None:
        return left if left == right else expr
    full = 1 if scalar is BOOL else (-1 if scalar.is_signed else scalar.maximum)
    if raw == full:
        return left
    return right if raw == 0 and not walk.can_trap(left) else expr


def _disjunction(expr: ir.Operation) -> ir.Expr:
    scalar, (left, right) = expr.types[0], expr.arguments
    raw = _raw(right)
    if raw is None:
        return left if left == right else expr
    if raw == 0:
        return left
    return right if scalar is BOOL and not walk.can_trap(left) else expr


def _difference_bits(expr: ir.Operation) -> ir.Expr:
    left, right = expr.arguments
    return left if _raw(right) == 0 else expr


def _shift(expr: ir.Operation) -> ir.Expr:
    left, right = expr.arguments
    return left if _raw(right) == 0 else expr


def _negation(expr: ir.Operation) -> ir.Expr:
    inner = expr.arguments[0]
    if isinstance(inner, ir.Operation) and inner.op is expr.op:
        return inner.arguments[0]
    if expr.op is not Op.NOT or not isinstance(inner, ir.Operation) or inner.op not in NEGATED:
        return expr
    if inner.types[0].is_float and inner.op not in (Op.EQ, Op.NE):
        return expr  # with a NaN both are false
    return ir.Operation(NEGATED[inner.op], inner.types, inner.arguments, inner.line)


NEGATED = {
    Op.EQ: Op.NE,
    Op.NE: Op.EQ,
    Op.LT: Op.GE,
    Op.GE: Op.LT,
    Op.GT: Op.LE,
    Op.LE: Op.GT,
}


def _select(expr: ir.Operation) -> ir.Expr:
    condition, then, otherwise = expr.arguments
    chosen = _raw(condition)
    if chosen is not None:
        kept, dropped = (then, otherwise) if chosen else (otherwise, then)
        return kept if not walk.can_trap(dropped) else expr
    if then == otherwise and not walk.can_trap(condition):
        return then
    if expr.types[0] is not BOOL:
        return expr
    if _raw(otherwise) == 0:
        return folded(ir.Operation(Op.AND, (BOOL,), (condition, then), expr.line))
    if _raw(then) == 1:
        return folded(ir.Operation(Op.OR, (BOOL,), (condition, otherwise), expr.line))
    return expr


def _same(expr: ir.Operation) -> ir.Expr:
    """min(x, x), max(x, x)."""
    left, right = expr.arguments
    return left if left == right and not expr.types[0].is_float else expr


RULES: dict[Op, Callable[[ir.Operation], ir.Expr]] = {
    Op.ADD: _sum,
    Op.SUB: _sum,
    Op.MUL: _product,
    Op.DIV: _quotient,
    Op.DIV_FLOOR: _quotient,
    Op.DIV_ROUND: _quotient,
    Op.AND: _conjunction,
    Op.OR: _disjunction,
    Op.XOR: _difference_bits,
    Op.SHL: _shift,
    Op.SHR: _shift,
    Op.NEG: _negation,
    Op.NOT: _negation,
    Op.SELECT: _select,
    Op.MIN: _same,
    Op.MAX: _same,
}
