"""Sizes of images: integer expressions over dimensions, parameters and constants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler import syntax
from compiler.check.body import Body, is_poison
from compiler.check.conversions import demand
from compiler.source import Span
from compiler.symbols import (
    Axis,
    Extent,
    ExtentBinary,
    ExtentConstant,
    ExtentDimension,
    ExtentParameter,
    Image,
    Local,
    Parameter,
)
from compiler.typed import (
    Binary,
    DimensionRead,
    Expr,
    Literal,
    LocalRead,
    ParameterRead,
)
from compiler.types import I32
from vm.extents import OPERATIONS
from vm.limits import AXIS_PIXELS, EXTENT_TERMS
from vm.module import ExtentOp
from vm.opcodes import Op

OPS = {
    Op.ADD: ExtentOp.ADD,
    Op.SUB: ExtentOp.SUB,
    Op.MUL: ExtentOp.MUL,
    Op.DIV_FLOOR: ExtentOp.DIV_FLOOR,
    Op.MIN: ExtentOp.MIN,
    Op.MAX: ExtentOp.MAX,
}


def extent_of(image: Image, axis: Axis) -> Extent:
    """The canonical width or height of an image: what it was declared with, or its own."""
    declared = image.width if axis is Axis.WIDTH else image.height
    return ExtentDimension(image, axis) if declared is None else declared


def same_size(a: Image, b: Image) -> bool:
    """Whether two images provably have equal sizes."""
    return all(extent_of(a, axis) == extent_of(b, axis) for axis in Axis)


def check_size(
    body: Body, size: tuple[syntax.Argument, ...], span: Span, count: int, example: str
) -> list[Extent] | None:
    """The extents of a declaration `(width, height)` or `(width)`; None after an error."""
    if len(size) != count or any(argument.name is not None for argument in size):
        body.error(
            "CPS0605",
            span,
            f"expected {'a width and a height' if count == 2 else 'a width'}",
            help=f"write '{example}'",
        )
        return None
    extents = [check_extent(body, argument.value) for argument in size]
    found = [extent for extent in extents if extent is not None]
    return found if len(found) == count else None


def check_extent(body: Body, node: syntax.Expr) -> Extent | None:
    """One extent; None after an error."""
    value = demand(body, body.expr(node, I32), I32, "a size is")
    if is_poison(value):
        return None
    extent = to_extent(body, value)
    if extent is None:
        return None
    if isinstance(extent, ExtentConstant) and not 1 <= extent.value <= AXIS_PIXELS:
        body.error(
            "CPS0605",
            node.span,
            f"1 to {AXIS_PIXELS}",
            f"an image cannot be {extent.value} wide or high",
        )
        return None
    return extent


def to_extent(body: Body, value: Expr) -> Extent | None:
    """A checked expression as an extent; None after an error."""
    if isinstance(value, Literal):
        return ExtentConstant(int(value.value))
    if isinstance(value, DimensionRead):
        return extent_of(value.image, value.axis)
    if isinstance(value, ParameterRead):
        return ExtentParameter(value.parameter)
    if isinstance(value, LocalRead) and value.local in body.initial:
        return to_extent(body, body.initial[value.local])
    if isinstance(value, Binary):
        return _binary(body, value)
    _refuse(body, value)
    return None


def _binary(body: Body, value: Binary) -> Extent | None:
    left = to_extent(body, value.left)
    right = None if left is None else to_extent(body, value.right)
    if left is None or right is None:
        return None
    if terms(left) + terms(right) >= EXTENT_TERMS:  # names of names could grow without end
        body.error(
            "CPS0605", value.span, f"more than {EXTENT_TERMS} terms", "this size is too long"
        )
        return None
    op = value.op
    if op is Op.DIV:
        if lowest(left) < 0 or lowest(right) < 1:
            text = f"div_floor({value.left.span.text}, {value.right.span.text})"
            body.error(
                "CPS0605",
                value.span,
                "may be negative, or divide by 0",
                "this size cannot be computed before the run",
                help=f"write '{text}'",
            )
            return None
        op = Op.DIV_FLOOR
    if op not in OPS:
        _refuse(body, value)
        return None
    if op is Op.DIV_FLOOR and right == ExtentConstant(0):
        _refuse(body, value)
        return None
    return combined(op, left, right)


def _refuse(body: Body, value: Expr) -> None:
    mutable = isinstance(value, LocalRead) and value.local.mutable
    body.error(
        "CPS0605",
        value.span,
        "a 'var' may change" if mutable else "not known before the run",
        "this size cannot be computed before the run",
        help="sizes are made of widths, heights, i32 parameters and constants with "
        "+ - * / div_floor min max",
    )


def lowest(extent: Extent) -> int:
    """A lower bound of an extent's value."""
    return _bounds(extent)[0]


def _bounds(extent: Extent) -> tuple[int, int]:
    if isinstance(extent, ExtentConstant):
        return extent.value, extent.value
    if isinstance(extent, ExtentDimension):
        return 1, AXIS_PIXELS
    if isinstance(extent, ExtentParameter):
        low, high = extent.parameter.low, extent.parameter.high
        return (
            I32.minimum if low is None else int(low),
            I32.maximum if high is None else int(high),
        )
    (a, b), (c, d) = _bounds(extent.left), _bounds(extent.right)
    if extent.op is Op.DIV_FLOOR and c <= 0 <= d:
        return -(1 << 64), 1 << 64
    operation = OPERATIONS[OPS[extent.op]]
    corners = [operation(left, right) for left in (a, b) for right in (c, d)]
    return min(corners), max(corners)


def terms(extent: Extent) -> int:
    """How many steps computing an extent takes."""
    if isinstance(extent, ExtentBinary):
        return 1 + terms(extent.left) + terms(extent.right)
    return 1


def substitute(
    extent: Extent, images: Mapping[Image, Image], parameters: Mapping[Parameter, Extent]
) -> Extent:
    """An extent of a function or kernel, in terms of what it is called with."""
    if isinstance(extent, ExtentDimension) and extent.image in images:
        return extent_of(images[extent.image], extent.axis)
    if isinstance(extent, ExtentParameter):
        return parameters.get(extent.parameter, extent)
    if isinstance(extent, ExtentBinary):
        left, right = (substitute(side, images, parameters) for side in (extent.left, extent.right))
        return combined(extent.op, left, right)
    return extent


def combined(op: Op, left: Extent, right: Extent) -> Extent:
    """An operation on two extents, worked out if both are constant."""
    constant = isinstance(left, ExtentConstant) and isinstance(right, ExtentConstant)
    if constant and not (op is Op.DIV_FLOOR and right == ExtentConstant(0)):
        assert isinstance(left, ExtentConstant)
        assert isinstance(right, ExtentConstant)
        return ExtentConstant(OPERATIONS[OPS[op]](left.value, right.value))
    return ExtentBinary(op, left, right)


def parameters_of(extent: Extent | None) -> Iterator[Parameter]:
    """The parameters that a size is made of."""
    if isinstance(extent, ExtentParameter):
        yield extent.parameter
    elif isinstance(extent, ExtentBinary):
        yield from parameters_of(extent.left)
        yield from parameters_of(extent.right)


def remember_initial(body: Body, local: Local, value: Expr) -> None:
    """Keep the value of a `let` that sizes may be made of."""
    if not local.mutable and local.type is I32:
        body.initial[local] = value


def describe(extent: Extent) -> str:
    """An extent as the language writes it."""
    if isinstance(extent, ExtentConstant):
        return str(extent.value)
    if isinstance(extent, ExtentDimension):
        return f"{extent.image.name}.{extent.axis.value}"
    if isinstance(extent, ExtentParameter):
        return extent.parameter.name
    left, right = describe(extent.left), describe(extent.right)
    signs = {Op.ADD: "+", Op.SUB: "-", Op.MUL: "*"}
    if extent.op in signs:
        return f"({left} {signs[extent.op]} {right})"
    return f"{extent.op.mnemonic}({left}, {right})"


def describe_size(image: Image) -> str:
    """The size of an image as the language writes it: `src.width x src.height`."""
    return " x ".join(describe(extent_of(image, axis)) for axis in Axis)
