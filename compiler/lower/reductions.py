"""Lowering of reductions."""

from __future__ import annotations

from compiler import ir, symbols, typed
from compiler.lower.context import Lowering
from compiler.lower.double import ToScalar, ends_of, lower_double, targets_of
from compiler.lower.values import Place, Value
from compiler.types import ArgType
from vm.limits import AXIS_PIXELS
from vm.types import ScalarType

I32 = ScalarType.I32


def lower_reduce(lowering: Lowering, expr: typed.Reduce, scalar: ToScalar) -> Value:
    """A reduction as statements that set registers, and what these mean."""
    variables = tuple(ir.Register(I32, local.name) for local in expr.variables)
    for local, register in zip(expr.variables, variables, strict=True):
        lowering.scope.registers[local] = register
    if isinstance(expr.domain, symbols.Image):
        image = lowering.scope.images[expr.domain]
        for register in variables:
            lowering.known[register] = (0, AXIS_PIXELS - 1)
        targets = _over_image(lowering, expr, variables, (image.width, image.height), scalar)
    elif len(expr.domain) == 1:
        ends = ends_of(lowering, expr.domain[0], variables[0], scalar)
        targets = _reduced(lowering, expr, variables, ends, None, scalar)
        _know_places(lowering, targets[1:], variables)
    else:
        targets = lower_double(lowering, expr, variables, scalar)
        _know_places(lowering, targets[1:], variables[::-1])
    if not isinstance(expr.type, ArgType):
        return ir.Read(targets[0])
    return Place({n: ir.Read(target) for n, target in zip(expr.type.names, targets, strict=True)})


def _know_places(
    lowering: Lowering, targets: tuple[ir.Register, ...], variables: tuple[ir.Register, ...]
) -> None:
    """The place found lies where the variables did."""
    for target, variable in zip(targets, variables, strict=False):
        lowering.known[target] = lowering.known[variable]


def _over_image(
    lowering: Lowering,
    expr: typed.Reduce,
    variables: tuple[ir.Register, ...],
    extents: tuple[int, int],
    scalar: ToScalar,
) -> tuple[ir.Register, ...]:
    targets = _reduced(lowering, expr, variables, None, extents, scalar)
    _know_places(lowering, targets[1:], variables)
    return targets


def _reduced(
    lowering: Lowering,
    expr: typed.Reduce,
    variables: tuple[ir.Register, ...],
    ends: tuple[ir.Expr, ir.Expr] | None,
    extents: tuple[int, int] | None,
    scalar: ToScalar,
) -> tuple[ir.Register, ...]:
    """One instruction of the machine; gives the registers it sets."""
    with lowering.new_block() as body:
        lowering.emit(ir.Yield(scalar(lowering, expr.body), lowering.line))
    last = body[-1]
    assert isinstance(last, ir.Yield)
    start, end = ends if ends is not None else (None, None)
    targets = targets_of(expr)
    kind, line = last.value.type, lowering.line
    lowering.emit(
        ir.Reduce(expr.kind, kind, variables, start, end, extents, tuple(body), targets, line)
    )
    return targets
