"""Lowering of statements: one handler a node of the typed tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from compiler import ir, typed, walk
from compiler.lower import indexing
from compiler.lower.bounds import bounds
from compiler.lower.context import Here, Lowering
from compiler.lower.expressions import array, call, scalar, scalar_type, scalars, value
from compiler.lower.values import Elements, Place, Slot, element
from compiler.types import ArrayType, element_count
from compiler.wording import message
from vm.limits import AXIS_PIXELS
from vm.module import Role
from vm.types import ScalarType

I32 = ScalarType.I32


def block(lowering: Lowering, body: Iterable[typed.Statement]) -> None:
    """Lower statements into the block being written."""
    for statement in body:
        lowering.at(statement.span)
        HANDLERS[type(statement)](lowering, statement)


def inner_block(lowering: Lowering, body: Iterable[typed.Statement]) -> ir.Block:
    """Lower statements into a block of their own."""
    with lowering.new_block() as written:
        block(lowering, body)
    return tuple(written)


def _declare(lowering: Lowering, statement: typed.Declare) -> None:
    found = value(lowering, statement.value)
    lowering.bind(statement.local, found, owned=statement.local.mutable)


def _declare_image(lowering: Lowering, statement: typed.DeclareImage) -> None:
    image = lowering.new_image(statement.image, Role.LOCAL)
    if lowering.in_for:
        lowering.emit(ir.Clear(image, lowering.line))


def _declare_rows(lowering: Lowering, statement: typed.DeclareRows) -> None:
    rows = statement.rows
    kind = scalar_type(rows.type.element)
    made = ir.Rows(rows.name, kind, element_count(rows.type.element))
    lowering.scope.rows[rows] = made


def _assign(lowering: Lowering, statement: typed.Assign) -> None:
    found = value(lowering, statement.value)
    local, scope = statement.local, lowering.scope
    if isinstance(found, Elements | Slot):
        lowering.store(scope.slots[local], found)
    elif isinstance(found, Place):
        place = scope.locals[local]
        assert isinstance(place, Place)
        for name, each in found.fields.items():
            field = place.fields[name]
            assert isinstance(field, ir.Read)
            lowering.emit(ir.Set(field.register, each, lowering.line))
    else:
        lowering.emit(ir.Set(scope.registers[local], found, lowering.line))


def _assign_element(lowering: Lowering, statement: typed.AssignElement) -> None:
    slot = lowering.scope.slots[statement.local]
    type_ = statement.local.type
    nested = False
    for index in statement.indices:
        assert isinstance(type_, ArrayType)
        place = scalar(lowering, index)
        slot = indexing.part(lowering, slot, place, type_.length, nested)
        type_, nested = type_.element, True
    line, span = lowering.line, lowering.span
    if isinstance(type_, ArrayType):
        found = array(lowering, statement.value)
        lowering.line, lowering.span = line, span
        lowering.store(slot, found)
    else:
        lowering.set_element(slot, ir.i32(0), scalar(lowering, statement.value))


def _pixel_write(lowering: Lowering, statement: typed.PixelWrite) -> None:
    image = lowering.scope.images[statement.image]
    if statement.here:
        for channel, each in _channels(lowering, statement):
            lowering.emit(ir.Put(image, channel, each, lowering.line))
        return
    x, y = scalars(lowering, statement.x, statement.y)
    x, y = lowering.saved(x), lowering.saved(y)
    channels = _channels(lowering, statement)
    if len(channels) > 1:
        channels = [(channel, lowering.saved(each)) for channel, each in channels]
    for channel, each in channels:
        lowering.emit(ir.Store(image, channel, x, y, each, statement.drop, lowering.line))


def _channels(lowering: Lowering, statement: typed.PixelWrite) -> list[tuple[int, ir.Expr]]:
    found = value(lowering, statement.value)
    if isinstance(found, Elements | Slot):
        return [(i, element(found, i, lowering.line)) for i in range(found.length)]
    assert not isinstance(found, Place)
    return [(statement.channel or 0, found)]


def _rows_add(lowering: Lowering, statement: typed.RowsAdd) -> None:
    rows = lowering.scope.rows[statement.rows]
    found = value(lowering, statement.value)
    assert not isinstance(found, Place)
    if isinstance(found, Elements | Slot):
        parts = [element(found, i, lowering.line) for i in range(found.length)]
    else:
        parts = [found]
    for channel, each in enumerate(parts):
        lowering.emit(
            ir.AddRows(
                rows,
                channel,
                statement.ahead,
                statement.down,
                statement.negate,
                each,
                lowering.line,
            )
        )


def _if(lowering: Lowering, statement: typed.If) -> None:
    condition = scalar(lowering, statement.condition)
    line = lowering.line
    then = inner_block(lowering, statement.then)
    otherwise = inner_block(lowering, statement.otherwise)
    lowering.emit(ir.If(condition, then, otherwise, line))


def _for(lowering: Lowering, statement: typed.For) -> None:
    start, end = scalars(lowering, statement.range.start, statement.range.end)
    variable = ir.Register(I32, statement.variable.name)
    lowering.scope.registers[statement.variable] = variable
    low, high = bounds(lowering.known, start)[0], bounds(lowering.known, end)[1] - 1
    lowering.known[variable] = (low, high)
    line = lowering.line
    lowering.in_for += 1
    body = inner_block(lowering, statement.body)
    lowering.in_for -= 1
    lowering.line = line
    lowering.emit(ir.For(variable, start, end, statement.step, body, (), line))


def _pixels(lowering: Lowering, statement: typed.Map | typed.Scan) -> tuple[Here, ir.Block]:
    """The coordinates and the body of a map or scan."""
    image = lowering.scope.images[statement.image]
    x, y = (ir.Register(I32, local.name) for local in (statement.x, statement.y))
    for local, register in ((statement.x, x), (statement.y, y)):
        lowering.scope.registers[local] = register
        lowering.known[register] = (0, AXIS_PIXELS - 1)
    lowering.here = Here(x, y, image.width, image.height)
    body = inner_block(lowering, statement.body)
    here, lowering.here = lowering.here, None
    return here, body


def _map(lowering: Lowering, statement: typed.Map) -> None:
    line = lowering.line
    here, body = _pixels(lowering, statement)
    lowering.line = line
    lowering.emit(ir.Map(here.x, here.y, here.width, here.height, body, line))


def _scan(lowering: Lowering, statement: typed.Scan) -> None:
    line = lowering.line
    turned: ir.Expr = ir.constant(False, ScalarType.BOOL)
    if statement.serpentine is not None:
        turned = lowering.saved(scalar(lowering, statement.serpentine))
    d = ir.Register(I32, "d")
    lowering.known[d] = (-1, 1)
    if statement.d is not None:
        lowering.scope.registers[statement.d] = d
    here, body = _pixels(lowering, statement)
    lowering.line = line
    lowering.emit(ir.Scan(here.x, here.y, d, here.width, here.height, turned, body, line))


def _require(lowering: Lowering, statement: typed.Require) -> None:
    condition = scalar(lowering, statement.condition)
    lowering.emit(ir.Require(condition, message(statement.text), lowering.line))


def _call_statement(lowering: Lowering, statement: typed.CallStatement) -> None:
    found = call(lowering, statement.function, statement.arguments, statement.span)
    unused = found.elements if isinstance(found, Elements) else ()
    if not isinstance(found, Elements | Slot | Place):
        unused = (found,)
    for each in unused:
        if walk.can_trap(each):
            lowering.set(each)


def run_call(lowering: Lowering, function: typed.Function) -> Any:
    """The body of an inlined call, in its scope; gives its result."""
    line, span = lowering.line, lowering.span
    block(lowering, function.body)
    result: Any = ir.i32(0)
    if function.result is not None:
        result = value(lowering, function.result)
    lowering.line, lowering.span = line, span
    return result


HANDLERS: dict[type, Callable[[Lowering, Any], None]] = {
    typed.Declare: _declare,
    typed.DeclareImage: _declare_image,
    typed.DeclareRows: _declare_rows,
    typed.Assign: _assign,
    typed.AssignElement: _assign_element,
    typed.PixelWrite: _pixel_write,
    typed.RowsAdd: _rows_add,
    typed.If: _if,
    typed.For: _for,
    typed.Map: _map,
    typed.Scan: _scan,
    typed.Require: _require,
    typed.CallStatement: _call_statement,
}
_NODES = set(typed.Statement.__args__)
assert set(HANDLERS) == _NODES, set(HANDLERS) ^ _NODES
