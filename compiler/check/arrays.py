"""Arrays: literals, fills, comprehensions, elements."""

from __future__ import annotations

from compiler import syntax
from compiler.check.body import Body, expression, is_poison, poison
from compiler.check.conversions import demand, index_expr
from compiler.check.evaluate import constant_int
from compiler.check.images import find_place, read_pixel
from compiler.check.rows import read_rows
from compiler.check.scope import Broken, Outcome, View, article
from compiler.check.typesyntax import array_type
from compiler.source import Span
from compiler.symbols import Image, Rows
from compiler.typed import (
    ArrayFill,
    ArrayLiteral,
    Comprehension,
    ConstantArray,
    Expr,
    Index,
    Literal,
)
from compiler.types import I32, ArgType, ArrayType, ScalarType, ValueType, VoidType, element_count


def _element_expected(expected: ValueType | None) -> ValueType | None:
    return expected.element if isinstance(expected, ArrayType) else None


@expression(syntax.ArrayExpr)
def check_array(body: Body, node: syntax.ArrayExpr, expected: ValueType | None) -> Expr:
    """`[a, b, c]`."""
    wanted = _element_expected(expected)
    elements: list[Expr] = []
    for index, each in enumerate(node.elements):
        element = body.expr(each, wanted)
        if index == 0 and not isinstance(element.type, VoidType | ArgType):
            wanted = element.type
        elements.append(element)
    first = elements[0]
    elements = [
        first,
        *(demand(body, each, first.type, "the first element is") for each in elements[1:]),
    ]
    if is_poison(*elements):
        return poison(node.span)
    type_ = _checked_type(body, first, len(elements), node.span)
    if type_ is None:
        return poison(node.span)
    if all(isinstance(each, Literal) for each in elements):
        values = tuple(each.value for each in elements if isinstance(each, Literal))
        return ConstantArray(values, type_, node.span)
    if all(isinstance(each, ConstantArray) for each in elements):
        rows = (each.values for each in elements if isinstance(each, ConstantArray))
        return ConstantArray(tuple(value for row in rows for value in row), type_, node.span)
    return ArrayLiteral(tuple(elements), type_, node.span)


def _checked_type(body: Body, element: Expr, length: int, span: Span) -> ArrayType | None:
    """The type of an array of such elements; None after an error."""
    if not isinstance(element.type, ScalarType | ArrayType):
        body.error(
            "CPS0314",
            element.span,
            f"this is {element.type}",
            "arrays hold numbers and arrays of them",
        )
        return None
    return array_type(body, element.type, length, span)


@expression(syntax.ArrayFillExpr)
def check_fill(body: Body, node: syntax.ArrayFillExpr, expected: ValueType | None) -> Expr:
    """`[value; N]`."""
    value = body.expr(node.value, _element_expected(expected))
    length = constant_int(body, node.length, "the length of an array")
    if length is None or is_poison(value):
        return poison(node.span)
    type_ = _checked_type(body, value, length, node.length.span)
    return poison(node.span) if type_ is None else ArrayFill(value, type_, node.span)


@expression(syntax.ArrayForExpr)
def check_comprehension(body: Body, node: syntax.ArrayForExpr, expected: ValueType | None) -> Expr:
    """`[value for i in a..b]`, with constant bounds."""
    binder = node.binders[0]
    if len(node.binders) > 1:
        return body.error(
            "CPS0315",
            node.binders[1].span,
            "a second 'for'",
            help="nest them: '[[… for x in 0..3] for y in 0..3]'",
        )
    if not isinstance(binder.domain, syntax.RangeSyntax):
        return body.error(
            "CPS0308",
            binder.span,
            "not a range of numbers",
            "the length of an array must be constant",
            help="an image cannot be made into an array",
        )
    start = constant_int(body, binder.domain.start, "the length of an array")
    end = constant_int(body, binder.domain.end, "the length of an array")
    body.scope.blocks.append({})
    variable = body.new_local(binder.names[0], I32)
    value = body.expr(node.body, _element_expected(expected))
    body.scope.blocks.pop()
    if start is None or end is None or is_poison(value):
        return poison(node.span)
    length = end - start + binder.domain.closed
    type_ = _checked_type(body, value, length, binder.domain.span)
    if type_ is None:
        return poison(node.span)
    return Comprehension(variable, start, value, type_, node.span)


@expression(syntax.IndexExpr)
def check_index(body: Body, node: syntax.IndexExpr, expected: ValueType | None) -> Expr:
    """`array[i]`, `image[x, y]`, `rows[x, y]`."""
    place = find_place(body, node.base)
    if isinstance(place, Broken):
        for index in node.indices:
            body.expr(index, I32)
        return poison(node.span)
    if isinstance(place, Image | View):
        return read_pixel(body, node, place)
    if isinstance(place, Rows):
        return read_rows(body, node, place)
    if isinstance(place, Outcome):
        return body.expr(node.base)
    return element(body, body.expr(node.base), node)


def element(body: Body, array: Expr, node: syntax.IndexExpr) -> Expr:
    """An element of a checked array."""
    if is_poison(array):
        for each in node.indices:
            body.expr(each, I32)
        return poison(node.span)
    if not isinstance(array.type, ArrayType):
        return body.error(
            "CPS0309",
            array.span,
            f"this is {article(array.type)}",
            f"{article(array.type)} has no elements",
        )
    if len(node.indices) != 1:
        text = array.span.text
        return body.error(
            "CPS0311",
            node.span,
            "one index at a time",
            "an array takes one index",
            help=f"write '{text}{''.join(f'[{each.span.text}]' for each in node.indices)}'",
        )
    index = index_expr(body, node.indices[0], "an index is")
    if is_poison(index) or not check_index_range(body, index, array.type):
        return poison(node.span)
    if isinstance(array, ConstantArray) and isinstance(index, Literal):
        size = element_count(array.type.element)
        start = int(index.value) * size
        if isinstance(array.type.element, ScalarType):
            return Literal(array.values[start], array.type.element, node.span)
        return ConstantArray(array.values[start : start + size], array.type.element, node.span)
    return Index(array, index, array.type.element, node.span)


def check_index_range(body: Body, index: Expr, type_: ArrayType) -> bool:
    """Whether a constant index is inside of the array; reports if not."""
    if not isinstance(index, Literal) or 0 <= index.value < type_.length:
        return True
    body.error(
        "CPS0312",
        index.span,
        f"the indices are 0 to {type_.length - 1}",
        f"there is no element {index.value} in {article(type_)}",
    )
    return False
