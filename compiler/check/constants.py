"""`const` items: checked and evaluated once, when first needed."""

from __future__ import annotations

from compiler.check.body import Body
from compiler.check.evaluate import constant, to_typed
from compiler.check.modules import Entry
from compiler.check.typesyntax import value_type
from compiler.source import Span
from compiler.syntax import ConstItem
from compiler.typed import ConstantArray, Literal
from compiler.types import PoisonType, RecordType


def item_constant(body: Body, entry: Entry, span: Span) -> Literal | ConstantArray | None:
    """The value of a `const`; None after an error. `span` is where it is used."""
    world = body.world
    key = id(entry.item)
    if key in world.constants:
        return world.constants[key]
    item = entry.item
    assert isinstance(item, ConstItem)
    if any(active is entry for active, _ in world.active):
        body.error("CPS0504", span, "needs its own value", f"'{entry.name}' is defined by itself")
        return None
    world.active.append((entry, span))
    inner = Body(world, entry.module, "constant", entry.name)
    type_ = value_type(inner, item.type, "a constant")
    value = None
    if isinstance(type_, RecordType):
        inner.error("CPS0314", item.type.span, "a record", "a constant is a number or an array")
    elif not isinstance(type_, PoisonType):
        value = constant(inner, item.value, type_, f"the value of '{entry.name}'")
    world.active.pop()
    result = None if value is None else to_typed(value, type_, item.value.span)
    world.constants[key] = result
    return result
