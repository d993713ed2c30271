"""Assignments: to locals and their elements, to pixels, to rows."""

from __future__ import annotations

from compiler import syntax
from compiler.check.arrays import check_index_range, element
from compiler.check.body import Body, PixelLoop, is_poison, poison, read_local, statement
from compiler.check.conversions import demand, expr_as, index_expr
from compiler.check.evaluate import constant_int
from compiler.check.images import coordinates, find_place, pixel_value
from compiler.check.loops import may_write
from compiler.check.names import unknown_name
from compiler.check.operators import op_assign
from compiler.check.records import find_field
from compiler.check.rows import add_rows
from compiler.check.scope import Broken, View
from compiler.symbols import Image, Local, Parameter, Rows
from compiler.typed import (
    Assign,
    AssignElement,
    AssignField,
    Expr,
    FieldRead,
    Index,
    Literal,
    PixelRead,
    PixelWrite,
    Statement,
)
from compiler.types import (
    POISON,
    ArrayType,
    RecordType,
    ScalarType,
    ValueType,
)
from vm.module import Border


@statement(syntax.AssignStatement)
def check_assign(body: Body, node: syntax.AssignStatement) -> list[Statement]:
    """`target = value;`, `target += value;`."""
    indices: list[syntax.IndexExpr] = []
    root = node.target
    while isinstance(root, syntax.IndexExpr):
        rows = _rows_target(body, root)
        if rows is not None:
            if indices:
                body.error("CPS0223", node.target.span, "one element", "rows add up whole values")
            return list(add_rows(body, node, root, *rows))
        place = find_place(body, root.base)
        if isinstance(place, Image | View):
            return _assign_pixel(body, node, root, place, indices)
        if isinstance(place, Broken):
            body.expr(node.value)
            return []
        indices.insert(0, root)
        root = root.base
    if isinstance(root, syntax.FieldExpr) and _is_field(body, root) and not indices:
        return _assign_field(body, node, root)
    if not isinstance(root, syntax.NameExpr):
        return _no_target(body, node, root)
    return _assign_local(body, node, root, indices)


def _is_field(body: Body, node: syntax.Expr) -> bool:
    """Whether this is a field of a local record."""
    if not isinstance(node, syntax.FieldExpr) or not isinstance(node.base, syntax.NameExpr):
        return False
    binding = body.scope.find(node.base.name)
    return isinstance(binding, Local) and isinstance(binding.type, RecordType)


def _assign_field(
    body: Body, node: syntax.AssignStatement, target: syntax.FieldExpr
) -> list[Statement]:
    """`record.field = value;`."""
    assert isinstance(target.base, syntax.NameExpr)
    local = body.scope.find(target.base.name)
    assert isinstance(local, Local)
    assert isinstance(local.type, RecordType)
    field = find_field(body, local.type, target.name)
    if field is None or not _may_assign(body, node, target.base, local):
        body.expr(node.value, None if field is None else field.type)
        return []
    body.used.add(local)
    old = FieldRead(read_local(local, target.base.span), field.name, field.type, target.span)
    value = _assigned(body, node, old)
    return [] if is_poison(value) else [AssignField(local, field.name, value, node.span)]


def _rows_target(body: Body, node: syntax.IndexExpr) -> tuple[Rows, bool] | None:
    """The rows that `rows[…]` or `rows.drop[…]` is about, and whether it drops."""
    base, drop = node.base, False
    if isinstance(base, syntax.FieldExpr) and base.name.text == "drop":
        base, drop = base.base, True
    if not isinstance(base, syntax.NameExpr):
        return None
    place = body.scope.find(base.name)
    if not isinstance(place, Rows):
        return None
    body.used.add(place)
    return place, drop


def _no_target(body: Body, node: syntax.AssignStatement, root: syntax.Expr) -> list[Statement]:
    value = body.expr(node.value)
    if isinstance(root, syntax.FieldExpr):
        base = body.expr(root.base)
        if is_poison(base, value):
            return []
    label, help_ = "not a place", "places are variables, their elements and fields, and pixels"
    body.error("CPS0415", root.span, label, "nothing can be assigned here", help=help_)
    return []


def _assign_local(
    body: Body,
    node: syntax.AssignStatement,
    root: syntax.NameExpr,
    indices: list[syntax.IndexExpr],
) -> list[Statement]:
    """An assignment to a local or to an element of one."""
    binding = body.scope.find(root.name)
    if not isinstance(binding, Local):
        _not_assignable(body, node, root, binding)
        body.expr(node.value)
        return []
    if not _may_assign(body, node, root, binding):
        body.expr(node.value, binding.type if not indices else None)
        return []
    target: Expr = read_local(binding, root.span)
    checked: list[Expr] = []
    for index in indices:
        target = _element_target(body, target, index, checked)
        if is_poison(target):
            body.expr(node.value)
            return []
    value = _assigned(body, node, target)
    if is_poison(value):
        return []
    if not indices:
        return [Assign(binding, value, node.span)]
    return [AssignElement(binding, tuple(checked), value, node.span)]


def _may_assign(
    body: Body, node: syntax.AssignStatement, root: syntax.NameExpr, binding: Local
) -> bool:
    """Whether a local may be assigned here; reports if not."""
    if not binding.mutable:
        body.error(
            "CPS0415",
            root.span,
            "cannot change",
            f"'{root.name}' is fixed",
            also=((binding.span, "declared here"),),
            help=f"declare it with 'var {root.name} = …'"
            if not _is_parameter(binding)
            else f"copy it first: 'var v = {root.name};'",
        )
        return False
    if body.loop is not None and binding not in body.loop.inside:
        body.error(
            "CPS0211",
            node.target.span,
            f"declared outside of this '{body.loop.word}'",
            f"the body of a '{body.loop.word}' assigns nothing outside of it",
            also=((binding.span, "declared here"),),
            help=_outer_advice(body.loop, node, root.name),
        )
        return False
    return True


def _is_parameter(local: Local) -> bool:
    """Whether nothing before it in its source says `let`: a parameter or a loop's variable."""
    before = local.span.source.text[: local.span.start].rstrip()
    return not before.endswith("let")


def _outer_advice(loop: PixelLoop, node: syntax.AssignStatement, name: str) -> str:
    if node.operator == "+" and node.target.span.text == name:
        binder = f"({loop.x.name}, {loop.y.name}) in {loop.image.name}"
        return f"use a reduction: 'let {name} = sum({node.value.span.text} for {binder});'"
    if loop.word == "map":
        return "a map visits pixels in no order: use a reduction, or 'scan' with 'rows'"
    return "carry values from pixel to pixel in 'rows', or use a reduction"


def _element_target(body: Body, array: Expr, node: syntax.IndexExpr, checked: list[Expr]) -> Expr:
    """One more index of an assignment's target; its expression is added to `checked`."""
    if not isinstance(array.type, ArrayType) or len(node.indices) != 1:
        return element(body, array, node)
    index = index_expr(body, node.indices[0], "an index is")
    if is_poison(index) or not check_index_range(body, index, array.type):
        return poison(node.span)
    checked.append(index)
    return Index(array, index, array.type.element, node.span)


def _assigned(body: Body, node: syntax.AssignStatement, target: Expr) -> Expr:
    """The new value of a target: the right side, or the operator applied to both."""
    name = node.target.span.text
    if not node.operator:
        return expr_as(body, node.value, target.type, f"'{name}' is")
    expected = target.type.element if isinstance(target.type, ArrayType) else target.type
    value = body.expr(node.value, expected)
    result = op_assign(body, node.operator, target, value, node.span)
    return demand(body, result, target.type, f"'{name}' is")


def _not_assignable(
    body: Body, node: syntax.AssignStatement, root: syntax.NameExpr, binding: object
) -> None:
    name = root.name
    if binding is None:
        if body.module.find(name) is not None:
            body.error("CPS0415", root.span, "fixed", f"'{name}' cannot be assigned")
            return
        if not node.operator and node.target is root and name not in body.module.broken:
            body.error(
                "CPS0121",
                root.span,
                "unknown",
                f"there is no '{name}' here",
                help=f"to declare it, write 'let {name} = …;' or 'var {name} = …;'",
            )
            return
        unknown_name(body, name, root.span)
        return
    if isinstance(binding, Broken):
        return
    what, help_ = "fixed", None
    if isinstance(binding, Image):
        what, help_ = "an image", f"write a pixel: '{name}[x, y] = …;'"
    elif isinstance(binding, Rows):
        what, help_ = "rows", f"add to a pixel to come: '{name}[x, y + 1] += …;'"
    elif isinstance(binding, Parameter):
        what, help_ = "a parameter", f"copy it first: 'var v = {name};'"
    body.error("CPS0415", root.span, what, f"'{name}' cannot be assigned", help=help_)


def _assign_pixel(
    body: Body,
    node: syntax.AssignStatement,
    target: syntax.IndexExpr,
    place: Image | View,
    channels: list[syntax.IndexExpr],
) -> list[Statement]:
    """`image[x, y] = value;`, `image.drop[x, y] = value;`, `image[x, y][0] = value;`."""
    image = place if isinstance(place, Image) else place.image
    drop = isinstance(place, View) and place.drop
    if isinstance(place, View) and not drop:
        body.error(
            "CPS0128",
            target.base.span,
            "only for reading",
            "this border is for reading",
            help="a write that may be outside goes through '.drop'",
        )
        return []
    at = coordinates(body, target.indices, target.base.span.text, target.span)
    channel, type_ = _channel(body, image, channels)
    current = poison(node.span) if type_ == POISON else None
    if at is None or current is not None:
        body.expr(node.value)
        return []
    value: Expr
    if node.operator:
        border = Border.ZERO if drop else Border.INSIDE
        read = pixel_value(body, PixelRead(image, border, None, *at, image.type.pixel, target.span))
        if is_poison(read):
            body.expr(node.value)
            return []
        if channel is not None:
            read = Index(read, Literal(channel, ScalarType.I32, target.span), type_, target.span)
        value = _assigned(body, node, read)
    else:
        value = expr_as(body, node.value, type_, f"a pixel of '{image.name}' is")
    here = may_write(body, image, *at, target.span, drop)
    if here is None or is_poison(value):
        return []
    return [PixelWrite(image, *at, channel, value, here, drop, node.span)]


def _channel(
    body: Body, image: Image, nodes: list[syntax.IndexExpr]
) -> tuple[int | None, ValueType]:
    """The one channel that is written, and the type of what is written; poison after an error."""
    pixel = image.type.pixel
    if not nodes:
        return None, pixel
    if not isinstance(pixel, ArrayType) or len(nodes) > 1:
        body.error(
            "CPS0309",
            nodes[-1].span,
            "no channels here",
            f"a pixel of '{image.name}' is one number",
        )
        return None, POISON
    channel = constant_int(body, nodes[0].indices[0], "the channel that is written")
    if channel is None:
        return None, POISON
    index = Literal(channel, ScalarType.I32, nodes[0].indices[0].span)
    if not check_index_range(body, index, pixel):
        return None, POISON
    return channel, pixel.element
