"""Numbers and truths: a literal takes the type its place expects; i32 and f64 without one."""

from __future__ import annotations

import math

from compiler import syntax
from compiler.check.body import Body, expression
from compiler.check.scope import article
from compiler.source import Span
from compiler.typed import Expr, Literal
from compiler.types import BOOL, F64, I32, ScalarType, ValueType, scalar_of
from vm.scalar import rounded

UNTYPED_OPERATORS = frozenset("+-*/%&|^")
SHIFTS = frozenset({"<<", ">>"})


def untyped_kind(node: syntax.Expr) -> str | None:
    """The kind, "int" or "float", of an expression of number literals alone; None for others."""
    if isinstance(node, syntax.Number):
        if node.suffix:
            return None
        return "float" if node.is_float else "int"
    if isinstance(node, syntax.UnaryExpr) and node.operator in ("-", "~"):
        return untyped_kind(node.operand)
    if isinstance(node, syntax.NameExpr) and node.name in ("inf", "nan"):
        return "float"
    pair: tuple[syntax.Expr, syntax.Expr] | None = None
    if isinstance(node, syntax.BinaryExpr):
        if node.operator in SHIFTS:
            return untyped_kind(node.left)
        if node.operator in UNTYPED_OPERATORS:
            pair = node.left, node.right
    elif isinstance(node, syntax.IfExpr):
        pair = node.then, node.otherwise
    if pair is None:
        return None
    kinds = {untyped_kind(pair[0]), untyped_kind(pair[1])}
    if None in kinds:
        return None
    return "float" if "float" in kinds else "int"


def default_type(kind: str) -> ScalarType:
    """The type of a literal that nothing expects anything of."""
    return F64 if kind == "float" else I32


@expression(syntax.Number)
def check_number(body: Body, node: syntax.Number, expected: ValueType | None) -> Expr:
    """A number literal."""
    return number(body, node.value, node.suffix, node.span, expected)


def number(
    body: Body, value: int | float, suffix: str, span: Span, expected: ValueType | None
) -> Expr:
    """A number as a literal of the expected type, if that can hold it."""
    wanted = scalar_of(expected) if expected is not None else None
    if suffix:
        wanted = ScalarType.F32 if suffix == "f32" else F64
    if wanted is None or wanted is BOOL:
        wanted = default_type("float" if isinstance(value, float) else "int")
    if isinstance(value, float):
        return _float(body, value, wanted, span)
    if wanted.is_float:
        return _whole_float(body, value, wanted, span)
    if wanted.minimum <= value <= wanted.maximum:
        return Literal(value, wanted, span)
    wider = [t for t in (I32, ScalarType.U32, ScalarType.I64, ScalarType.U64) if _holds(t, value)]
    return body.error(
        "CPS0305",
        span,
        f"{article(wanted)} holds {wanted.minimum} to {wanted.maximum}",
        f"the number {value} does not fit {article(wanted)}",
        help=f"write '{wider[0]}({span.text})'" if wider and wanted is I32 else None,
    )


def _holds(type_: ScalarType, value: int) -> bool:
    return type_.minimum <= value <= type_.maximum


def _float(body: Body, value: float, wanted: ScalarType, span: Span) -> Expr:
    if not wanted.is_float:
        whole = value.is_integer() if math.isfinite(value) else False
        return body.error(
            "CPS0301",
            span,
            f"expected {article(wanted)}, found a number with a fraction",
            help=f"write '{int(value)}'" if whole else f"convert: '{wanted}({span.text})'",
        )
    result = rounded(wanted, value)
    if math.isinf(result) and (wanted is not F64 or math.isinf(value)):
        return body.error(
            "CPS0305", span, "too large", f"this number is too large for {article(wanted)}"
        )
    return Literal(result, wanted, span)


def _whole_float(body: Body, value: int, wanted: ScalarType, span: Span) -> Expr:
    exact = abs(value) <= 1 << (24 if wanted is ScalarType.F32 else 53)
    if not exact:
        return body.error(
            "CPS0305",
            span,
            "not exact",
            f"{article(wanted)} cannot hold {value} exactly",
            help=f"write '{wanted}({span.text}.0)' if the nearest value will do",
        )
    return Literal(float(value), wanted, span)


@expression(syntax.Truth)
def check_truth(body: Body, node: syntax.Truth, expected: ValueType | None) -> Expr:
    """`true`, `false`."""
    return Literal(node.value, BOOL, node.span)


@expression(syntax.Text)
def check_text(body: Body, node: syntax.Text, expected: ValueType | None) -> Expr:
    """A text is no value."""
    return body.error(
        "CPS0125",
        node.span,
        "not a value",
        "a text is no value",
        help="texts name tests, files and what 'require' says",
    )
