"""Names and fields used as values."""

from __future__ import annotations

import math

from compiler import syntax
from compiler.check.body import Body, expression, is_poison, poison, read_local
from compiler.check.builtins import BUILTINS
from compiler.check.constants import item_constant
from compiler.check.images import VIEWS, dimension_axis, find_place
from compiler.check.records import find_field
from compiler.check.scope import Broken, Outcome, View, nearest
from compiler.source import Span
from compiler.symbols import Image, Local, Parameter, Rows
from compiler.syntax import ConstItem
from compiler.typed import (
    ConstantArray,
    DimensionRead,
    Expr,
    FieldRead,
    Literal,
    ParameterRead,
)
from compiler.types import F64, I32, ArgType, RecordType, ScalarType, ValueType, scalar_of
from vm.types import BY_NAME

SPECIAL = {"inf": math.inf, "nan": math.nan}


@expression(syntax.NameExpr)
def check_name(body: Body, node: syntax.NameExpr, expected: ValueType | None) -> Expr:
    """A name used as a value."""
    binding = body.scope.find(node.name)
    if isinstance(binding, Broken):
        return poison(node.span)
    if isinstance(binding, Local):
        body.used.add(binding)
        return read_local(binding, node.span)
    if isinstance(binding, Parameter):
        return ParameterRead(binding, binding.type, node.span)
    if isinstance(binding, Literal):
        return Literal(binding.value, binding.type, node.span)
    if isinstance(binding, ConstantArray):
        return ConstantArray(binding.values, binding.type, node.span)
    if binding is not None:
        return _not_a_value(body, node, binding)
    entry = body.module.find(node.name)
    if entry is not None and isinstance(entry.item, ConstItem):
        value = item_constant(body, entry, node.span)
        if value is None:
            return poison(node.span)
        if isinstance(value, Literal):
            return Literal(value.value, value.type, node.span)
        return ConstantArray(value.values, value.type, node.span)
    if entry is not None and entry.item is not None:
        return body.error(
            "CPS0125",
            node.span,
            "not a value",
            f"'{node.name}' is called, it is no value",
            help=f"write '{node.name}(…)'",
        )
    if node.name in SPECIAL:
        wanted = scalar_of(expected) if expected is not None else None
        type_ = wanted if wanted is not None and wanted.is_float else F64
        return Literal(SPECIAL[node.name], type_, node.span)
    return unknown_name(body, node.name, node.span)


def _not_a_value(body: Body, node: syntax.NameExpr, binding: object) -> Expr:
    if isinstance(binding, Image):
        return body.error(
            "CPS0125",
            node.span,
            "an image",
            f"'{node.name}' is an image, not a value",
            help=f"read a pixel: '{node.name}[x, y]'",
        )
    if isinstance(binding, Rows):
        return body.error(
            "CPS0125",
            node.span,
            "rows",
            f"'{node.name}' are rows, not a value",
            help=f"read '{node.name}[x, y]' in a scan",
        )
    if isinstance(binding, Outcome):
        names = " or ".join(f"'{node.name}.{name}'" for name in binding.images)
        return body.error(
            "CPS0125",
            node.span,
            "all a kernel gave",
            "a kernel's result is no value",
            help=f"choose an output: {names}",
        )
    assert isinstance(binding, View)
    return body.error(
        "CPS0125",
        node.span,
        "a view of an image",
        "a view is no value",
        help=f"read a pixel: '{node.name}[x, y]'",
    )


def unknown_name(body: Body, name: str, span: Span) -> Expr:
    """Report a name that nothing stands for."""
    if name in body.module.broken:
        return poison(span)
    if name in BY_NAME:
        return body.error(
            "CPS0125",
            span,
            "a type",
            f"the type '{name}' is no value",
            help=f"to convert, write '{name}(v)'",
        )
    known = [*body.scope.names(), *body.module.entries, *BUILTINS, *SPECIAL]
    meant = nearest(name, known)
    help_ = f"did you mean '{meant}'?" if meant else None
    help_ = _library_hint(name) or help_ or _library_hint(name, nearly=True)
    return body.error("CPS0121", span, "unknown", f"there is no '{name}' here", help=help_)


def _library_hint(name: str, nearly: bool = False) -> str | None:
    """How to use a name of the standard library."""
    from compiler.docs import standard_names

    names = standard_names()
    meant = nearest(name, list(names)) if nearly else name
    if meant not in names:
        return None
    question = f"did you mean '{meant}'? " if nearly else ""
    return f"{question}write 'use {names[meant]} {{ {meant} }};' at the top of the file"


@expression(syntax.FieldExpr)
def check_field(body: Body, node: syntax.FieldExpr, expected: ValueType | None) -> Expr:
    """`image.width`, `best.at`."""
    place = find_place(body, node.base)
    name = node.name.text
    if isinstance(place, Broken):
        return poison(node.span)
    if isinstance(place, Image | View):
        image = place if isinstance(place, Image) else place.image
        axis = dimension_axis(name)
        if axis is not None:
            return DimensionRead(image, axis, I32, node.span)
        if name in VIEWS:
            return body.error(
                "CPS0125",
                node.span,
                "a view of an image",
                "a view is no value",
                help=f"read a pixel: '{node.span.text}[x, y]'",
            )
        return _no_field(body, node, "an image", ["width", "height", *VIEWS])
    if isinstance(place, Outcome) and name not in place.images and place.record is not None:
        record = place.record
        assert isinstance(record.type, RecordType)
        field = find_field(body, record.type, node.name)
        found = read_local(record, node.base.span)
        return poison(node.span) if field is None else FieldRead(found, name, field.type, node.span)
    if isinstance(place, Outcome):
        find_place(body, node)
        if name in place.images:
            return body.error("CPS0125", node.span, "an image", "an image is no value")
        return poison(node.span)
    if isinstance(place, Rows):
        return _no_field(body, node, "rows", ["drop"])
    base = body.expr(node.base)
    if is_poison(base):
        return base
    if isinstance(base.type, RecordType):
        field = find_field(body, base.type, node.name)
        return poison(node.span) if field is None else FieldRead(base, name, field.type, node.span)
    if isinstance(base.type, ArgType):
        fields = list(base.type.names)
        if name in fields:
            type_: ScalarType = base.type.value if name == "value" else I32
            return FieldRead(base, name, type_, node.span)
        return _no_field(body, node, str(base.type), fields)
    return _no_field(body, node, f"a value of type {base.type}", [])


def _no_field(body: Body, node: syntax.FieldExpr, what: str, fields: list[str]) -> Expr:
    name = node.name.text
    meant = nearest(name, fields)
    help_ = f"did you mean '.{meant}'?" if meant else None
    if help_ is None and fields:
        help_ = f"there are: {', '.join('.' + field for field in fields)}"
    return body.error("CPS0127", node.name.span, "unknown", f"{what} has no '.{name}'", help=help_)
