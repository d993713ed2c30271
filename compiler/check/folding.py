"""Constant folding: operators on literals give literals, by the machine's own meaning.

What would trap, or wrap a signed integer, is left as it is: it happens at run time, or is an error
where a constant is demanded.
"""

from __future__ import annotations

from compiler.source import Span
from compiler.symbols import Value
from compiler.typed import Expr, Literal
from compiler.types import BOOL, ScalarType
from vm.opcodes import Op
from vm.scalar import CHECKED, MEANING, ArithmeticTrap

COMPARISONS = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE})


def operate(op: Op, scalar: ScalarType, *values: Value) -> Value | None:
    """The value of an operator on constants of one type; None if it traps or wraps."""
    try:
        return CHECKED[op](scalar, *values)
    except ArithmeticTrap:
        return None


def fold(op: Op, type_: ScalarType, operands: tuple[Expr, ...], span: Span) -> Literal | None:
    """The literal that an operator on these operands is, if it is one."""
    values: list[Value] = []
    for operand in operands:
        if not isinstance(operand, Literal) or not isinstance(operand.type, ScalarType):
            return None
        values.append(operand.value)
    first = operands[0].type
    assert isinstance(first, ScalarType)
    result = operate(op, first, *values)
    if result is None:
        return None
    return Literal(bool(result) if op in COMPARISONS else result, type_, span)


def fold_conversion(op: Op, target: ScalarType, operand: Expr, span: Span) -> Literal | None:
    """The literal that a conversion is, if it is one and does not trap."""
    if not isinstance(operand, Literal) or not isinstance(operand.type, ScalarType):
        return None
    try:
        value = MEANING[op](operand.type, target, operand.value)
    except ArithmeticTrap:
        return None
    return Literal(bool(value) if target is BOOL else value, target, span)
