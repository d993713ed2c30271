"""Instances of functions: checked once for each set of generic arguments."""

from __future__ import annotations

from compiler import syntax
from compiler.check.body import Body
from compiler.check.extents import check_size
from compiler.check.generics import Bindings
from compiler.check.modules import Entry
from compiler.check.returns import body_and_result
from compiler.check.scope import scalar_generics
from compiler.check.typesyntax import resolve_type, value_type
from compiler.check.world import CALL_DEPTH, INSTANCES
from compiler.source import Span
from compiler.symbols import Image, ImageRole, Local
from compiler.typed import Function, Literal
from compiler.types import (
    I32,
    POISON,
    VOID,
    ImageType,
    RowsType,
    ValueType,
)


def signature_body(body: Body, entry: Entry, found: Bindings) -> Body:
    """A body in which the types of a signature are read, its generics bound."""
    item = entry.item
    assert isinstance(item, syntax.FunctionItem)
    inner = Body(body.world, entry.module, "function", entry.name, dict(found))
    for generic in item.generics:
        value = found.get(generic.name.text)
        if isinstance(value, int):
            literal = Literal(value, I32, generic.span)
            inner.scope.declare(generic.name.text, literal, generic.span)
    return inner


def instance_of(body: Body, entry: Entry, found: Bindings, span: Span) -> Function | None:
    """The instance of a function; `span` is the call that needs it. None after an error."""
    world = body.world
    key = (id(entry.item), tuple(found.items()))
    if key in world.instances:
        return world.instances[key]
    for active, where in world.active:
        if active.item is entry.item:
            body.error(
                "CPS0403",
                span,
                "calls itself",
                f"'{entry.name}' calls itself, directly or not",
                also=((where, "the first call"),)
                if where.source is not span.source or where.start != span.start
                else (),
                help="write a loop: 'for i in a..b { … }'",
            )
            return None
    if len(world.active) >= CALL_DEPTH:
        world.diagnostics.fatal("CPS0409", span, f"functions call functions {CALL_DEPTH} deep")
    if len(world.instances) >= INSTANCES:
        world.diagnostics.fatal("CPS0409", span, f"more than {INSTANCES} instances of functions")
    if found:
        note = f"in '{entry.name}{scalar_generics(found)}', which {span} needs"
        world.diagnostics.notes.append(note)
    world.active.append((entry, span))
    function = _make(body, entry, found)
    world.active.pop()
    if found:
        world.diagnostics.notes.pop()
    world.instances[key] = function
    return function


def _make(body: Body, entry: Entry, found: Bindings) -> Function:
    """Check the body of a function with its generics bound."""
    item = entry.item
    assert isinstance(item, syntax.FunctionItem)
    inner = signature_body(body, entry, found)
    parameters = tuple(_parameter(inner, parameter) for parameter in item.parameters)
    result_type: ValueType = VOID
    if item.result is not None:
        result_type = value_type(inner, item.result, "a result")
    inner.scope.blocks.append({})
    statements, result = body_and_result(inner, item, result_type)
    inner.warn_unused()
    label = entry.name + scalar_generics(found)
    return Function(
        entry.name,
        label,
        parameters,
        statements,
        result,
        POISON if result is None and result_type != VOID else result_type,
        inner.has_pixel_loop,
        item.name.span,
    )


def _parameter(inner: Body, node: syntax.FunctionParameter) -> Local | Image:
    """One parameter, its name bound."""
    type_ = resolve_type(inner, node.type)
    if isinstance(type_, ImageType):
        role = ImageRole.OUT if node.direction == "out" else ImageRole.IN
        width = height = None
        if node.size is not None:
            example = f"{node.name.text}: {type_}(src.width, src.height)"
            size = check_size(inner, node.size, node.span, 2, example)
            width, height = size or (None, None)
        image = Image(node.name.text, type_, node.name.span, role, width, height)
        inner.declare(node.name, image)
        return image
    if isinstance(type_, RowsType):
        inner.error(
            "CPS0314",
            node.type.span,
            "stays where it is declared",
            "rows cannot be passed to functions",
        )
        type_ = POISON
    if node.direction or node.size is not None:
        word = f"'{node.direction}'" if node.direction else "a size"
        inner.error(
            "CPS0314",
            node.span,
            f"this is {type_}",
            f"only images take {word}",
            help="give values back with 'return'",
        )
    return inner.new_local(node.name, type_)
