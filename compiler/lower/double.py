"""Reductions over two ranges: loops around a reduction, or around a choice.

A sum adds up its lines one by one, each in the one shape of a sum. The others keep the best so far.
"""

from __future__ import annotations

from collections.abc import Callable

from compiler import ir, typed
from compiler.lower.bounds import bounds
from compiler.lower.context import Lowering
from compiler.types import ArgType, scalar_of
from vm.module import Reduction
from vm.opcodes import Op
from vm.types import ScalarType

BOOL, I32 = ScalarType.BOOL, ScalarType.I32
ToScalar = Callable[[Lowering, typed.Expr], ir.Expr]


def targets_of(expr: typed.Reduce) -> tuple[ir.Register, ...]:
    """New registers for what a reduction gives."""
    if isinstance(expr.type, ArgType):
        places = [ir.Register(I32, "at") for _ in range(expr.type.axes)]
        return (ir.Register(expr.type.value, "best"), *places)
    if expr.kind is Reduction.COUNT:
        return (ir.Register(I32, "count"),)
    scalar = scalar_of(expr.type)
    assert scalar is not None
    return (ir.Register(scalar, expr.kind.value),)


def ends_of(
    lowering: Lowering, domain: typed.Range, variable: ir.Register, scalar: ToScalar
) -> tuple[ir.Expr, ir.Expr]:
    """The ends of a range, evaluated; what they tell of its variable is noted."""
    start, end = lowering.in_order(
        [lambda: scalar(lowering, domain.start), lambda: scalar(lowering, domain.end)]
    )
    low, high = bounds(lowering.known, start)[0], bounds(lowering.known, end)[1] - 1
    lowering.known[variable] = (low, high)
    return start, end


def lower_double(
    lowering: Lowering,
    expr: typed.Reduce,
    variables: tuple[ir.Register, ...],
    scalar: ToScalar,
) -> tuple[ir.Register, ...]:
    """`… for y in a..b for x in c..d`: the first range is the outer one."""
    assert isinstance(expr.domain, tuple)
    outer, inner = expr.domain
    line = lowering.line
    start, end = ends_of(lowering, outer, variables[0], scalar)
    start, end = lowering.saved(start), lowering.saved(end)
    if expr.kind in (Reduction.SUM, Reduction.COUNT):
        targets = targets_of(expr)
        _begin_sum(lowering, targets[0], start, end)
        with lowering.new_block() as body:
            _add_line(lowering, expr, targets[0], variables[1], inner, scalar)
        lowering.emit(ir.For(variables[0], start, end, 1, tuple(body), (), line))
        return targets
    return _choice(lowering, expr, variables, (start, end), scalar)


def _begin_sum(lowering: Lowering, total: ir.Register, start: ir.Expr, end: ir.Expr) -> None:
    """Adding to -0 gives the first line itself; the sum of no lines is +0."""
    first: ir.Expr = ir.constant(0, total.type)
    if total.type.is_float:
        some = lowering.operation(Op.LT, I32, start, end)
        first = lowering.operation(
            Op.SELECT, total.type, some, ir.constant(-0.0, total.type), first
        )
    lowering.emit(ir.Set(total, first, lowering.line))


def _add_line(
    lowering: Lowering,
    expr: typed.Reduce,
    total: ir.Register,
    variable: ir.Register,
    domain: typed.Range,
    scalar: ToScalar,
) -> None:
    line = lowering.line
    start, end = ends_of(lowering, domain, variable, scalar)
    with lowering.new_block() as body:
        lowering.emit(ir.Yield(scalar(lowering, expr.body), line))
    last = body[-1]
    assert isinstance(last, ir.Yield)
    part = ir.Register(total.type, total.name)
    lowering.emit(
        ir.Reduce(
            expr.kind, last.value.type, (variable,), start, end, None, tuple(body), (part,), line
        )
    )
    added = lowering.operation(Op.ADD, total.type, ir.Read(total), ir.Read(part))
    lowering.emit(ir.Set(total, added, line))


def _choice(
    lowering: Lowering,
    expr: typed.Reduce,
    variables: tuple[ir.Register, ...],
    ends: tuple[ir.Expr, ir.Expr],
    scalar: ToScalar,
) -> tuple[ir.Register, ...]:
    """min, max, argmin, argmax: the best so far, and whether there is one."""
    assert isinstance(expr.domain, tuple)
    line, targets = lowering.line, targets_of(expr)
    found = ir.Register(BOOL, "found")
    lowering.emit(ir.Set(found, ir.constant(False, BOOL), line))
    for target in targets:
        lowering.emit(ir.Set(target, ir.constant(0, target.type), line))
    with lowering.new_block() as outer:
        start, end = ends_of(lowering, expr.domain[1], variables[1], scalar)
        surely = _is_longer(lowering, *ends) and _is_longer(lowering, start, end)
        with lowering.new_block() as inner:
            value = lowering.saved(scalar(lowering, expr.body))
            _keep_better(
                lowering, expr.kind, found, targets, (value, *map(ir.Read, variables[::-1]))
            )
        lowering.emit(ir.For(variables[1], start, end, 1, tuple(inner), (), line))
    lowering.emit(ir.For(variables[0], *ends, 1, tuple(outer), (), line))
    return targets if surely else _trapping(lowering, targets, found)


def _is_longer(lowering: Lowering, start: ir.Expr, end: ir.Expr) -> bool:
    """Whether a range surely has a value."""
    return bounds(lowering.known, start)[1] < bounds(lowering.known, end)[0]


def _keep_better(
    lowering: Lowering,
    kind: Reduction,
    found: ir.Register,
    targets: tuple[ir.Register, ...],
    values: tuple[ir.Expr, ...],
) -> None:
    line, best, value = lowering.line, targets[0], values[0]
    scalar = best.type
    if kind in (Reduction.MIN, Reduction.MAX):
        op = Op.MIN if kind is Reduction.MIN else Op.MAX
        both = lowering.operation(op, scalar, ir.Read(best), value)
        chosen = lowering.operation(Op.SELECT, scalar, ir.Read(found), both, value)
        lowering.emit(ir.Set(best, chosen, line))
    else:
        better = _is_better(lowering, kind, ir.Read(best), value)
        first = lowering.operation(Op.NOT, BOOL, ir.Read(found))
        taken = lowering.saved(lowering.operation(Op.OR, BOOL, first, better))
        sets = tuple(ir.Set(t, v, line) for t, v in zip(targets, values, strict=False))
        lowering.emit(ir.If(taken, sets, (), line))
    lowering.emit(ir.Set(found, ir.constant(True, BOOL), line))


def _is_better(lowering: Lowering, kind: Reduction, best: ir.Expr, value: ir.Expr) -> ir.Expr:
    """A later value is better if it is strictly so, or the first that is no NaN."""
    scalar = value.type
    op = Op.LT if kind is Reduction.ARGMIN else Op.GT
    strictly = lowering.operation(op, scalar, value, best)
    if not scalar.is_float:
        return strictly
    nothing = lowering.operation(Op.NE, scalar, best, best)
    number = lowering.operation(Op.EQ, scalar, value, value)
    return lowering.operation(
        Op.OR, BOOL, strictly, lowering.operation(Op.AND, BOOL, nothing, number)
    )


def _trapping(
    lowering: Lowering, targets: tuple[ir.Register, ...], found: ir.Register
) -> tuple[ir.Register, ...]:
    """The targets, after a reduction over one value or none: it traps as every empty one does."""
    best, line = targets[0], lowering.line
    some = lowering.operation(Op.SELECT, I32, ir.Read(found), ir.i32(1), ir.i32(0))
    checked, unused = ir.Register(best.type, best.name), ir.Register(I32, "i")
    body = (ir.Yield(ir.Read(best), line),)
    lowering.emit(
        ir.Reduce(
            Reduction.MIN, best.type, (unused,), ir.i32(0), some, None, body, (checked,), line
        )
    )
    return (checked, *targets[1:])
