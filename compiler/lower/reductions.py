"""Lowering of reductions."""

from __future__ import annotations

from collections.abc import Callable

from compiler import ir, typed
from compiler.lower.bounds import bounds
from compiler.lower.context import Lowering
from compiler.lower.values import Place, Value
from compiler.types import ArgType, scalar_of
from vm.limits import AXIS_PIXELS
from vm.module import Reduction
from vm.types import ScalarType

I32 = ScalarType.I32
ToScalar = Callable[[Lowering, typed.Expr], ir.Expr]


def lower_reduce(lowering: Lowering, expr: typed.Reduce, scalar: ToScalar) -> Value:
    """A reduction as a statement that sets registers, and what they mean."""
    start = end = extents = None
    variables = tuple(ir.Register(I32, local.name) for local in expr.variables)
    if isinstance(expr.domain, typed.Range):
        domain = expr.domain
        start, end = lowering.in_order(
            [lambda: scalar(lowering, domain.start), lambda: scalar(lowering, domain.end)]
        )
        spans = [(bounds(lowering.known, start)[0], bounds(lowering.known, end)[1] - 1)]
    else:
        image = lowering.scope.images[expr.domain]
        extents = (image.width, image.height)
        spans = [(0, AXIS_PIXELS - 1)] * 2
    for local, register, span in zip(expr.variables, variables, spans, strict=True):
        lowering.scope.registers[local] = register
        lowering.known[register] = span
    with lowering.new_block() as body:
        lowering.emit(ir.Yield(scalar(lowering, expr.body), lowering.line))
    last = body[-1]
    assert isinstance(last, ir.Yield)
    targets = _targets(expr)
    for target, span in zip(targets[1:], spans, strict=False):
        lowering.known[target] = span
    lowering.emit(
        ir.Reduce(
            expr.kind,
            last.value.type,
            variables,
            start,
            end,
            extents,
            tuple(body),
            targets,
            lowering.line,
        )
    )
    if not isinstance(expr.type, ArgType):
        return ir.Read(targets[0])
    names = ("value", "at") if expr.type.axes == 1 else ("value", "x", "y")
    return Place({name: ir.Read(target) for name, target in zip(names, targets, strict=True)})


def _targets(expr: typed.Reduce) -> tuple[ir.Register, ...]:
    if isinstance(expr.type, ArgType):
        places = [ir.Register(I32, "at") for _ in range(expr.type.axes)]
        return (ir.Register(expr.type.value, "best"), *places)
    if expr.kind is Reduction.COUNT:
        return (ir.Register(I32, "count"),)
    scalar = scalar_of(expr.type)
    assert scalar is not None
    return (ir.Register(scalar, expr.kind.value),)
