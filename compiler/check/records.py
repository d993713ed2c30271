"""Records: their types, their making, their fields."""

from __future__ import annotations

from compiler import syntax
from compiler.check.arguments import bind_arguments
from compiler.check.body import Body, is_poison, poison
from compiler.check.conversions import expr_as
from compiler.check.modules import Entry
from compiler.check.scope import nearest
from compiler.check.typesyntax import record_type
from compiler.typed import Expr, RecordLiteral
from compiler.types import RecordField, RecordType


def check_record(body: Body, node: syntax.CallExpr, entry: Entry) -> Expr:
    """`Row(e: 0.0, dx: 1.0)`: every field, by name or in order."""
    type_ = record_type(body, entry)
    if type_ is None:
        for argument in node.arguments:
            body.expr(argument.value)
        return poison(node.span)
    names = [field.name for field in type_.fields]
    item = entry.item
    assert isinstance(item, syntax.RecordItem)
    bound = bind_arguments(body, node, entry.name, names, frozenset(), item.name.span)
    if bound is None:
        return poison(node.span)
    values = {
        name: expr_as(body, value, type_.fields[names.index(name)].type, f"'{name}' is")
        for name, value in bound.items()
    }
    if is_poison(*values.values()):
        return poison(node.span)
    written = tuple(names.index(name) for name in values)
    return RecordLiteral(tuple(values[name] for name in names), written, type_, node.span)


def find_field(body: Body, type_: RecordType, name: syntax.Name) -> RecordField | None:
    """The field of a record that a name means; None after an error."""
    found = type_.find(name.text)
    if found is None:
        names = [field.name for field in type_.fields]
        meant = nearest(name.text, names)
        body.error(
            "CPS0127",
            name.span,
            "unknown",
            f"the record '{type_.name}' has no field '{name.text}'",
            help=f"did you mean '.{meant}'?"
            if meant
            else f"there are: {', '.join('.' + each for each in names)}",
        )
    return found
