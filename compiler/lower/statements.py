"""Lowering of statements: one handler a node of the typed tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from compiler import ir, typed, walk
from compiler.lower import indexing
from compiler.lower.bounds import bounds
from compiler.lower.calls import call
from compiler.lower.carried import carry_images
from compiler.lower.context import Here, Jumps, Lowering
from compiler.lower.expressions import array, scalar, scalar_type, scalars, value
from compiler.lower.values import Elements, Place, Slot, element
from compiler.types import ArrayType, element_count
from compiler.wording import message
from vm.limits import AXIS_PIXELS
from vm.module import Role
from vm.types import ScalarType

I32 = ScalarType.I32


def block(lowering: Lowering, body: Iterable[typed.Statement]) -> None:
    """Lower statements into the block being written."""
    statements = list(body)
    for index, statement in enumerate(statements):
        lowering.at(statement.span)
        HANDLERS[type(statement)](lowering, statement)
        if isinstance(statement, typed.Jump):
            return
        if isinstance(statement, typed.If) and has_jump(statement):
            assert lowering.jumps is not None
            line, rest = lowering.line, inner_block(lowering, statements[index + 1 :])
            if rest:
                lowering.emit(ir.If(ir.Read(lowering.jumps.going), rest, (), line))
            return


def has_jump(statement: typed.Statement) -> bool:
    """Whether a statement may leave the `for` that it stands in."""
    if isinstance(statement, typed.If):
        return any(map(has_jump, (*statement.then, *statement.otherwise)))
    return isinstance(statement, typed.Jump)


def _jump(lowering: Lowering, statement: typed.Jump) -> None:
    jumps, no = lowering.jumps, ir.constant(False, ScalarType.BOOL)
    assert jumps is not None
    lowering.emit(ir.Set(jumps.going, no, lowering.line))
    if statement.leaves:
        lowering.emit(ir.Set(jumps.running, no, lowering.line))


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
        saved = {name: lowering.saved(each) for name, each in found.fields.items()}
        for name, each in saved.items():
            _set_field(lowering, place, name, each)
    else:
        lowering.emit(ir.Set(scope.registers[local], found, lowering.line))


def _set_field(lowering: Lowering, place: Place, name: str, value: ir.Expr) -> None:
    field = place.fields[name]
    assert isinstance(field, ir.Read)
    lowering.emit(ir.Set(field.register, value, lowering.line))


def _assign_field(lowering: Lowering, statement: typed.AssignField) -> None:
    found = scalar(lowering, statement.value)
    place = lowering.scope.locals[statement.local]
    assert isinstance(place, Place)
    _set_field(lowering, place, statement.field, found)


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
    if any(map(has_jump, statement.body)):
        body = _leaving(lowering, statement, line)
    else:
        body = inner_block(lowering, statement.body)
    lowering.in_for -= 1
    lowering.line = line
    lowering.emit(ir.For(variable, start, end, statement.step, body, (), line))


def _leaving(lowering: Lowering, statement: typed.For, line: int) -> ir.Block:
    """A body with jumps: what follows one is skipped; after a `break`, so are later trips."""
    yes = ir.constant(True, ScalarType.BOOL)
    outer = lowering.jumps
    lowering.jumps = Jumps(*(ir.Register(ScalarType.BOOL, name) for name in ("going", "running")))
    lowering.emit(ir.Set(lowering.jumps.running, yes, line))
    going = ir.Set(lowering.jumps.going, yes, line)
    body = (going, *inner_block(lowering, statement.body))
    running = ir.Read(lowering.jumps.running)
    lowering.jumps = outer
    return (ir.If(running, body, (), line),)


def _pixels(lowering: Lowering, statement: typed.Map | typed.Scan) -> tuple[Here, ir.Block]:
    """The coordinates and the body of a map or scan."""
    image = lowering.scope.images[statement.image]
    x, y = (ir.Register(I32, local.name) for local in (statement.x, statement.y))
    for local, register in ((statement.x, x), (statement.y, y)):
        lowering.scope.registers[local] = register
        lowering.known[register] = (0, AXIS_PIXELS - 1)
    lowering.here = Here(x, y, image.width, image.height)
    outer, lowering.jumps = lowering.jumps, None
    body = inner_block(lowering, statement.body)
    lowering.jumps = outer
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
    body = carry_images(here, body, line)
    lowering.emit(
        ir.Scan(here.x, here.y, d, here.width, here.height, turned, body, statement.order, line)
    )


def _require(lowering: Lowering, statement: typed.Require) -> None:
    condition = scalar(lowering, statement.condition)
    lowering.emit(ir.Require(condition, message(statement.text), lowering.line))


def _call_statement(lowering: Lowering, statement: typed.CallStatement) -> None:
    found = call(lowering, statement)
    unused = found.elements if isinstance(found, Elements) else ()
    if isinstance(found, Place):
        unused = tuple(found.fields.values())
    elif not isinstance(found, Elements | Slot):
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
    typed.AssignField: _assign_field,
    typed.Jump: _jump,
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
