"""Kernels called by kernels and functions: copied in like functions, with images passed down.

A kernel's parameters become values of the call. Where a size is made of one, its argument must be
known before the run, as every size must.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler import syntax
from compiler.check.body import Body, is_poison
from compiler.check.conversions import expr_as
from compiler.check.evaluate import nested, to_typed
from compiler.check.extents import parameters_of, to_extent
from compiler.check.kernels import kernel_of
from compiler.check.modules import Entry
from compiler.check.world import CALL_DEPTH
from compiler.source import Span
from compiler.symbols import Extent, Image, Parameter, Value
from compiler.typed import (
    ConstantArray,
    DeclareImage,
    DeclareRows,
    Expr,
    Extents,
    For,
    Function,
    If,
    Kernel,
    Literal,
    Statement,
)
from compiler.types import VOID


def kernel_instance(body: Body, entry: Entry, span: Span) -> Function | None:
    """The kernel as a function; None after an error. `span` is the call."""
    world = body.world
    key = (id(entry.item), ())
    if key in world.instances:
        return world.instances[key]
    if any(active.item is entry.item for active, _ in world.active):
        body.error(
            "CPS0403",
            span,
            "calls itself",
            f"'{entry.name}' calls itself, directly or not",
            help="write a loop: 'for i in a..b { … }'",
        )
        return None
    if len(world.active) >= CALL_DEPTH:
        world.diagnostics.fatal("CPS0409", span, f"kernels call kernels {CALL_DEPTH} deep")
    kernel = kernel_of(body, entry)
    if kernel is None:
        return None
    taken: list[Image | Parameter] = [*kernel.images, *kernel.parameters]
    function = Function(
        kernel.name,
        kernel.name,
        tuple(sorted(taken, key=lambda each: each.span.start)),
        kernel.body,
        kernel.result,
        VOID if kernel.result is None else kernel.result.type,
        True,
        kernel.span,
        tuple(dict.fromkeys(_sizing(kernel))),
    )
    world.instances[key] = function
    return function


def _sizing(kernel: Kernel) -> Iterator[Parameter]:
    """The parameters that sizes in a kernel are made of."""
    for image in kernel.images:
        yield from parameters_of(image.width)
        yield from parameters_of(image.height)
    yield from _sizing_in(kernel.body)


def _sizing_in(statements: tuple[Statement, ...]) -> Iterator[Parameter]:
    for each in statements:
        if isinstance(each, DeclareImage):
            yield from parameters_of(each.image.width)
            yield from parameters_of(each.image.height)
        elif isinstance(each, DeclareRows):
            yield from parameters_of(each.rows.width)
        elif isinstance(each, If):
            yield from _sizing_in((*each.then, *each.otherwise))
        elif isinstance(each, For):
            yield from _sizing_in(each.body)


def kernel_argument(
    body: Body, parameter: Parameter, given: syntax.Expr | None, span: Span
) -> Expr | None:
    """The value of a parameter: what is given, or its default; None after an error."""
    if given is None:
        return to_typed(nested(parameter.default, parameter.type), parameter.type, span)
    value = expr_as(body, given, parameter.type, f"'{parameter.name}' is")
    if is_poison(value):
        return None
    numbers: tuple[Value, ...] = ()
    if isinstance(value, Literal):
        numbers = (value.value,)
    elif isinstance(value, ConstantArray):
        numbers = value.values
    low, high = parameter.low, parameter.high
    for number in numbers:
        outside = low is not None and high is not None and not low <= number <= high
        if outside or number != number:
            body.error(
                "CPS0602",
                given.span,
                f"{number} is not in {low}..={high}" if outside else "not a number",
                f"the argument for '{parameter.name}' is not in its range",
                also=((parameter.span, "declared here"),),
            )
            return None
    return value


def argument_extents(
    body: Body, function: Function, arguments: Sequence[Expr | Image]
) -> Extents | None:
    """The sizes that arguments give to parameters which sizes are made of; None after an error."""
    found: list[tuple[Parameter, Extent]] = []
    for parameter, argument in zip(function.parameters, arguments, strict=True):
        if isinstance(parameter, Parameter) and parameter in function.sizing:
            assert not isinstance(argument, Image)
            extent = to_extent(body, argument)
            if extent is None:
                return None
            found.append((parameter, extent))
    return tuple(found)
