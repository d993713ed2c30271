"""Reductions: `sum(v[i] for i in 0..n)`, `max(img[x, y] for (x, y) in img)`; and ranges."""

from __future__ import annotations

from compiler import syntax
from compiler.check.body import Body, expression, is_poison, poison
from compiler.check.conversions import index_expr
from compiler.check.images import find_image
from compiler.check.operators import binary
from compiler.check.scope import Broken, article
from compiler.symbols import Image, Local
from compiler.typed import Expr, Literal, Range, Reduce
from compiler.types import BOOL, I32, ArgType, ScalarType, ValueType
from vm.module import Reduction
from vm.opcodes import Op

KINDS = {kind.value: kind for kind in Reduction}
PLACES = frozenset({Reduction.ARGMIN, Reduction.ARGMAX})
MOST_BINDERS = 2


def check_range(body: Body, node: syntax.RangeSyntax) -> Range | None:
    """A range with its end excluded; None after an error."""
    start = index_expr(body, node.start, "a bound is")
    end = index_expr(body, node.end, "a bound is")
    if is_poison(start, end):
        return None
    if node.closed:
        end = binary(body, Op.ADD, "+", end, Literal(1, I32, end.span), end.span)
    if isinstance(start, Literal) and isinstance(end, Literal) and start.value > end.value:
        body.diagnostics.warning(
            "CPS0233",
            node.span,
            "counts up from the first to the second",
            "this range is empty",
            help="to go down, compute the index: 'n - 1 - i'",
        )
    return Range(start, end)


def check_reduction(
    body: Body,
    node: syntax.CallExpr,
    name: str,
    argument: syntax.ForExpr,
    expected: ValueType | None,
) -> Expr:
    """A call whose argument has a `for`."""
    kind = KINDS.get(name)
    if kind is None:
        return body.error(
            "CPS0413",
            node.callee.span,
            "not a reduction",
            f"'{name}' does not go over a 'for'",
            help="the reductions are sum, min, max, argmin, argmax and count",
        )
    body.scope.blocks.append({})
    body.in_reduction += 1
    domain, variables = _domain(body, argument.binders)
    value = body.expr(argument.body, BOOL if kind is Reduction.COUNT else expected)
    body.in_reduction -= 1
    body.scope.blocks.pop()
    if domain is None or is_poison(value):
        return poison(node.span)
    type_ = _result_type(body, kind, name, value, len(variables))
    if type_ is None:
        return poison(node.span)
    return Reduce(kind, variables, domain, value, type_, node.span)


@expression(syntax.ForExpr)
def check_stray_for(body: Body, node: syntax.ForExpr, expected: ValueType | None) -> Expr:
    """A `for` in the arguments of something that is no reduction."""
    return body.error(
        "CPS0413",
        node.span,
        "a 'for' belongs to a reduction",
        help=f"write 'sum({node.span.text})', or another reduction",
    )


def _domain(
    body: Body, binders: tuple[syntax.Binder, ...]
) -> tuple[tuple[Range, ...] | Image | None, tuple[Local, ...]]:
    """What the binders go over, and their variables, bound."""
    first = binders[0]
    if not isinstance(first.domain, syntax.RangeSyntax) and len(binders) == 1:
        return _image_domain(body, first, first.domain)
    ranges: list[Range] = []
    variables: list[Local] = []
    for binder in binders:
        if not isinstance(binder.domain, syntax.RangeSyntax) or len(variables) == MOST_BINDERS:
            body.error(
                "CPS0413",
                binder.span,
                "one too many",
                "a reduction goes over an image, or over one or two ranges",
                help="nest reductions: 'sum(sum(… for i in …) for (x, y) in image)'",
            )
            for name in (name for each in binders for name in each.names):
                body.scope.declare(name.text, Broken(name.span), name.span)
            return None, ()
        range_ = check_range(body, binder.domain)
        variables += [body.new_local(name, I32) for name in binder.names]
        if range_ is not None:
            ranges.append(range_)
    return (tuple(ranges) if len(ranges) == len(binders) else None), tuple(variables)


def _image_domain(
    body: Body, binder: syntax.Binder, node: syntax.Expr
) -> tuple[Image | None, tuple[Local, ...]]:
    """An image whose pixels are gone over, and the two variables."""
    image = find_image(body, node, "a 'for' with two names")
    if len(binder.names) != 2:
        body.error(
            "CPS0311",
            binder.span,
            "expected two names",
            "an image has two coordinates",
            help="write 'for (x, y) in image'",
        )
        image = None
    return image, tuple(body.new_local(name, I32) for name in binder.names)


def _result_type(
    body: Body, kind: Reduction, name: str, value: Expr, axes: int
) -> ValueType | None:
    """The type of a reduction over such values; None after an error."""
    type_ = value.type
    if kind is Reduction.COUNT:
        if type_ is BOOL:
            return I32
        body.error(
            "CPS0306",
            value.span,
            f"this is {article(type_)}",
            "'count' counts what is true",
            help=f"compare: 'count({value.span.text} > 0 for …)'",
        )
        return None
    if not isinstance(type_, ScalarType) or type_ is BOOL:
        help_ = "'count' counts what is true" if type_ is BOOL else None
        body.error(
            "CPS0304",
            value.span,
            f"this is {article(type_)}",
            f"'{name}' does not apply to {article(type_)}",
            help=help_,
        )
        return None
    if kind is Reduction.SUM and type_.is_narrow:
        body.error(
            "CPS0302",
            value.span,
            f"this is {article(type_)}",
            f"'sum' does not calculate in {type_}",
            help=f"convert first: 'i32({value.span.text})'",
        )
        return None
    return ArgType(type_, axes) if kind in PLACES else type_
