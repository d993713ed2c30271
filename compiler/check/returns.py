"""The body of a function or kernel: its statements, and what its closing `return` gives."""

from __future__ import annotations

from compiler import syntax
from compiler.check.body import Body
from compiler.check.conversions import demand
from compiler.check.scope import article
from compiler.source import Span
from compiler.typed import Expr, Statement
from compiler.types import ArgType, PoisonType, ScalarType, ValueType, VoidType


def body_and_result(
    inner: Body, item: syntax.FunctionItem | syntax.KernelItem, result_type: ValueType
) -> tuple[tuple[Statement, ...], Expr | None]:
    """The statements before the closing `return`, and what that gives."""
    nodes = item.body.statements
    last = nodes[-1] if nodes else None
    if not isinstance(last, syntax.ReturnStatement):
        statements = inner.statements(nodes)
        if not isinstance(result_type, VoidType | PoisonType):
            end = item.body.span
            inner.error(
                "CPS0404",
                Span(end.source, end.end - 1, end.end),
                "'return' is missing",
                f"'{item.name.text}' must give {article(result_type)}",
                help="end the function with 'return value;'",
            )
        return statements, None
    statements = inner.statements(nodes[:-1])
    if last.value is None:
        if not isinstance(result_type, VoidType | PoisonType):
            inner.error(
                "CPS0404",
                last.span,
                "gives nothing",
                f"'{item.name.text}' must give {article(result_type)}",
            )
        return statements, None
    if isinstance(result_type, VoidType) and isinstance(item, syntax.KernelItem):
        statements = (*statements, *inner.statements((last,)))  # which says what is wrong
        return statements, None
    if isinstance(result_type, VoidType):
        value = inner.expr(last.value)
        if isinstance(value.type, ScalarType | ArgType) or not isinstance(value.type, PoisonType):
            inner.error(
                "CPS0404",
                last.value.span,
                f"gives {value.type}",
                f"'{item.name.text}' is declared to give nothing",
                help=f"declare it with '-> {value.type}'",
            )
        return statements, None
    result = demand(
        inner, inner.expr(last.value, result_type), result_type, f"'{item.name.text}' gives"
    )
    return statements, None if isinstance(result.type, PoisonType) else result
