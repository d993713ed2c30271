"""Lowering of expressions: one handler a node of the typed tree."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from compiler import ir, typed, walk
from compiler.lower import arrays, indexing
from compiler.lower.context import Lowering
from compiler.lower.reductions import lower_reduce
from compiler.lower.values import Elements, Place, Slot, Value, element, element_at
from compiler.passes.fold import folded
from compiler.types import ArrayType, RecordType, ValueType, element_count, scalar_of
from vm.bits import to_raw
from vm.module import Border
from vm.opcodes import Op
from vm.types import ScalarType

BOOL = ScalarType.BOOL
CHEAP = 8
"""The right side of && and || is evaluated anyway if it costs no more and cannot trap."""


def value(lowering: Lowering, expr: typed.Expr) -> Value:
    """What an expression is, in the block being written."""
    line, span = lowering.line, lowering.span
    lowering.at(expr.span)
    result = HANDLERS[type(expr)](lowering, expr)
    lowering.line, lowering.span = line, span
    return result


def scalar(lowering: Lowering, expr: typed.Expr) -> ir.Expr:
    """The value of an expression of a scalar type."""
    found = value(lowering, expr)
    assert not isinstance(found, Elements | Slot | Place)
    return found


def array(lowering: Lowering, expr: typed.Expr) -> Elements | Slot:
    """The value of an expression of an array type."""
    found = value(lowering, expr)
    assert isinstance(found, Elements | Slot)
    return found


def scalars(lowering: Lowering, *exprs: typed.Expr) -> list[ir.Expr]:
    """Several scalars, evaluated in order."""
    return lowering.in_order([partial(scalar, lowering, expr) for expr in exprs])


def scalar_type(type_: ValueType) -> ScalarType:
    """The scalar of a scalar or array type."""
    found = scalar_of(type_)
    assert found is not None
    return found


# Names and constants.


def _literal(lowering: Lowering, expr: typed.Literal) -> Value:
    return ir.constant(expr.value, scalar_type(expr.type))


def _constant_array(lowering: Lowering, expr: typed.ConstantArray) -> Value:
    kind = scalar_type(expr.type)
    return lowering.constants(kind, tuple(to_raw(kind, each) for each in expr.values))


def _local(lowering: Lowering, expr: typed.LocalRead) -> Value:
    scope = lowering.scope
    if expr.local in scope.registers:
        return ir.Read(scope.registers[expr.local])
    return scope.slots[expr.local] if expr.local in scope.slots else scope.locals[expr.local]


def _parameter(lowering: Lowering, expr: typed.ParameterRead) -> Value:
    kind = scalar_type(expr.type)
    if expr.parameter in lowering.scope.parameters:  # of a kernel that is called
        return lowering.scope.parameters[expr.parameter]
    if expr.parameter in lowering.parameter_arrays:
        found = lowering.parameter_arrays[expr.parameter]
        return Slot(found, kind, ir.i32(0), found.length, stable=True)
    return ir.ParameterValue(lowering.parameters[expr.parameter], kind)


def _dimension(lowering: Lowering, expr: typed.DimensionRead) -> Value:
    image = lowering.scope.images[expr.image]
    return ir.DimensionValue(image.width if expr.axis.value == "width" else image.height)


# Pixels.


def _pixel(lowering: Lowering, expr: typed.PixelRead) -> Value:
    image = lowering.scope.images[expr.image]
    single = image.channels == 1
    parts = [expr.x, expr.y]
    if expr.fill is not None and single:
        parts.append(expr.fill)
    x, y, *fills = scalars(lowering, *parts)
    if single:
        return _load(lowering, image, 0, expr.border, x, y, fills[0] if fills else None)
    x, y = lowering.saved(x), lowering.saved(y)
    fill = array(lowering, expr.fill) if expr.fill is not None else None
    return Elements(
        tuple(
            _load(lowering, image, c, expr.border, x, y, element(fill, c) if fill else None)
            for c in range(image.channels)
        )
    )


def _load(
    lowering: Lowering,
    image: ir.Image,
    channel: int,
    border: Border,
    x: ir.Expr,
    y: ir.Expr,
    fill: ir.Expr | None,
) -> ir.Expr:
    here = lowering.here
    safe = (
        here is not None
        and (x, y) == (ir.Read(here.x), ir.Read(here.y))
        and (image.width, image.height) == (here.width, here.height)
    )
    if safe and border is not Border.INSIDE:
        border, fill = Border.INSIDE, None
    return ir.Pixel(image, channel, border, fill, x, y, safe, lowering.line)


def _own(lowering: Lowering, expr: typed.OwnRead) -> Value:
    """The loop's own pixel, as it is now: later statements may write it."""
    image, here = lowering.scope.images[expr.image], lowering.here
    assert here is not None
    x, y = ir.Read(here.x), ir.Read(here.y)
    parts = [
        lowering.saved(ir.Pixel(image, c, Border.INSIDE, None, x, y, True, lowering.line))
        for c in range(image.channels)
    ]
    return parts[0] if image.channels == 1 else Elements(tuple(parts))


def _carried(lowering: Lowering, expr: typed.CarriedRead) -> Value:
    image, here = lowering.scope.images[expr.image], lowering.here
    assert here is not None
    found: list[ir.Expr] = []
    for channel in range(image.channels):
        carry = here.carried.setdefault((image, channel), ir.Register(image.type, image.name))
        found.append(ir.CarryValue(carry, expr.ahead, expr.down))
    if expr.fill is not None:
        fill = value(lowering, expr.fill)
        assert not isinstance(fill, Place)
        inside = ir.CarryHas(expr.ahead, expr.down)
        others = (
            [element(fill, c) for c in range(image.channels)]
            if isinstance(fill, Elements | Slot)
            else [fill]
        )
        found = [
            lowering.operation(Op.SELECT, image.type, inside, part, other)
            for part, other in zip(found, others, strict=True)
        ]
    return found[0] if image.channels == 1 else Elements(tuple(found))


def _rows(lowering: Lowering, expr: typed.RowsRead) -> Value:
    rows = lowering.scope.rows[expr.rows]
    channels = tuple(ir.RowsValue(rows, channel) for channel in range(rows.channels))
    return Elements(channels) if isinstance(expr.type, ArrayType) else channels[0]


# Arithmetic.


def _unary(lowering: Lowering, expr: typed.Unary) -> Value:
    kind = scalar_type(expr.type)
    operand = value(lowering, expr.operand)
    if isinstance(operand, Elements | Slot):
        return arrays.each(
            lowering, kind, operand, lambda part: lowering.operation(expr.op, kind, part)
        )
    assert not isinstance(operand, Place)
    return lowering.operation(expr.op, kind, operand)


def _binary(lowering: Lowering, expr: typed.Binary) -> Value:
    if isinstance(expr.type, ArrayType):
        return _array_binary(lowering, expr)
    left, right = scalars(lowering, expr.left, expr.right)
    return folded(ir.Operation(expr.op, (left.type,), (left, right), lowering.line))


def _array_binary(lowering: Lowering, expr: typed.Binary) -> Value:
    kind = scalar_type(expr.type)
    left = _operand(lowering, expr.left)
    right = _operand(lowering, expr.right)
    return arrays.both(
        lowering, kind, left, right, lambda a, b: lowering.operation(expr.op, kind, a, b)
    )


def _operand(lowering: Lowering, expr: typed.Expr) -> ir.Expr | Elements | Slot:
    """One side of array arithmetic; a scalar is used many times, so it is evaluated once."""
    found = value(lowering, expr)
    assert not isinstance(found, Place)
    if not isinstance(found, Elements | Slot):
        return lowering.saved(found)
    return arrays.settled(lowering, found)


def _logical(lowering: Lowering, expr: typed.Logical) -> Value:
    left = scalar(lowering, expr.left)
    with lowering.new_block() as block:
        right = scalar(lowering, expr.right)
    if not block and not walk.can_trap(right) and walk.cost(right) <= CHEAP:
        return lowering.operation(Op.AND if expr.conjunction else Op.OR, BOOL, left, right)
    result = ir.Register(BOOL)
    line = lowering.line
    evaluated = (*block, ir.Set(result, right, line))
    decided = (ir.Set(result, ir.constant(not expr.conjunction, BOOL), line),)
    then, otherwise = (evaluated, decided) if expr.conjunction else (decided, evaluated)
    lowering.emit(ir.If(left, then, otherwise, line))
    return ir.Read(result)


def _convert(lowering: Lowering, expr: typed.Convert) -> Value:
    source, target = scalar_type(expr.operand.type), scalar_type(expr.type)
    operand = value(lowering, expr.operand)
    line = lowering.line

    def one(part: ir.Expr) -> ir.Expr:
        return folded(ir.Operation(expr.op, (source, target), (part,), line))

    if isinstance(operand, Elements | Slot):
        return arrays.each(lowering, target, operand, one)
    assert not isinstance(operand, Place)
    return one(operand)


def _select(lowering: Lowering, expr: typed.Select) -> Value:
    condition = scalar(lowering, expr.condition)
    with lowering.new_block() as then:
        first = value(lowering, expr.then)
    with lowering.new_block() as otherwise:
        second = value(lowering, expr.otherwise)
    blocks = (then, otherwise)
    if isinstance(first, Place) and isinstance(second, Place):
        names = list(first.fields)
        pairs = [(first.fields[name], second.fields[name]) for name in names]
        return Place(dict(zip(names, _choose(lowering, condition, blocks, pairs), strict=True)))
    if isinstance(first, Elements | Slot):
        assert isinstance(second, Elements | Slot)
        return arrays.select(lowering, scalar_type(expr.type), condition, blocks, first, second)
    assert not isinstance(first, Place)
    assert not isinstance(second, Elements | Slot | Place)
    return _choose(lowering, condition, blocks, [(first, second)])[0]


def _choose(
    lowering: Lowering,
    condition: ir.Expr,
    blocks: tuple[list[ir.Statement], list[ir.Statement]],
    pairs: list[tuple[ir.Expr, ir.Expr]],
) -> list[ir.Expr]:
    """An `if` that sets a register for each pair; the pass `selects` makes what it can cheaper."""
    line = lowering.line
    results = [ir.Register(first.type) for first, _ in pairs]
    then = [ir.Set(r, first, line) for r, (first, _) in zip(results, pairs, strict=True)]
    other = [ir.Set(r, second, line) for r, (_, second) in zip(results, pairs, strict=True)]
    lowering.emit(ir.If(condition, (*blocks[0], *then), (*blocks[1], *other), line))
    return [ir.Read(result) for result in results]


# Arrays.


def _array_literal(lowering: Lowering, expr: typed.ArrayLiteral) -> Value:
    found: list[ir.Expr] = []
    for each in expr.elements:
        before = len(lowering.block)
        part = value(lowering, each)
        assert not isinstance(part, Place)
        if len(lowering.block) > before:
            found = arrays.evaluated_before(lowering, found, before)
        if isinstance(part, Elements | Slot):
            found += [element(part, i, lowering.line) for i in range(part.length)]
        else:
            found.append(part)
    return Elements(tuple(found))


def _array_fill(lowering: Lowering, expr: typed.ArrayFill) -> Value:
    kind, length = scalar_type(expr.type), element_count(expr.type)
    return arrays.repeated(lowering, kind, value(lowering, expr.value), length)


def _comprehension(lowering: Lowering, expr: typed.Comprehension) -> Value:
    assert isinstance(expr.type, ArrayType)
    slot = lowering.new_slot(scalar_type(expr.type), element_count(expr.type))
    stride = slot.length // expr.type.length
    lowering.fill(slot, ir.Constant(0, slot.array.type))
    variable = ir.Register(ScalarType.I32, expr.variable.name)
    lowering.known[variable] = (expr.start, expr.start + expr.type.length - 1)
    lowering.scope.registers[expr.variable] = variable
    lowering.in_for += 1
    with lowering.new_block() as body:
        found = value(lowering, expr.body)
        place = lowering.operation(Op.SUB, ScalarType.I32, ir.Read(variable), ir.i32(expr.start))
        base = lowering.operation(Op.MUL, ScalarType.I32, place, ir.i32(stride))
        if isinstance(found, Elements | Slot):
            part = Slot(slot.array, slot.scalar, lowering.saved(base), stride, stable=False)
            lowering.store(part, found)
        else:
            assert not isinstance(found, Place)
            lowering.set_element(slot, base, found)
    lowering.in_for -= 1
    start, end = ir.i32(expr.start), ir.i32(expr.start + expr.type.length)
    lowering.emit(ir.For(variable, start, end, 1, tuple(body), (), lowering.line))
    return slot


def _index(lowering: Lowering, expr: typed.Index) -> Value:
    assert isinstance(expr.array.type, ArrayType)
    length = expr.array.type.length
    whole = array(lowering, expr.array)
    index = scalar(lowering, expr.index)
    stride = whole.length // length
    if isinstance(whole, Elements) and isinstance(index, ir.Constant) and 0 <= index.raw < length:
        chosen = whole.elements[index.raw * stride : (index.raw + 1) * stride]
        return Elements(chosen) if isinstance(expr.type, ArrayType) else chosen[0]
    slot = lowering.materialised(whole, scalar_type(expr.type))
    nested = not (slot.is_whole and slot.base == ir.i32(0))
    found = indexing.part(lowering, slot, index, length, nested)
    if isinstance(expr.type, ArrayType):
        return found
    return element_at(found, ir.i32(0), lowering.line)


def _record(lowering: Lowering, expr: typed.RecordLiteral) -> Value:
    assert isinstance(expr.type, RecordType)
    values = scalars(lowering, *(expr.values[index] for index in expr.written))
    by_index = dict(zip(expr.written, values, strict=True))
    return Place({f.name: by_index[index] for index, f in enumerate(expr.type.fields)})


def _field_read(lowering: Lowering, expr: typed.FieldRead) -> Value:
    found = value(lowering, expr.operand)
    assert isinstance(found, Place)
    return found.fields[expr.field]


def _reduce(lowering: Lowering, expr: typed.Reduce) -> Value:
    return lower_reduce(lowering, expr, scalar)


HANDLERS: dict[type, Callable[[Lowering, Any], Value]] = {
    typed.Literal: _literal,
    typed.ConstantArray: _constant_array,
    typed.LocalRead: _local,
    typed.ParameterRead: _parameter,
    typed.DimensionRead: _dimension,
    typed.PixelRead: _pixel,
    typed.OwnRead: _own,
    typed.CarriedRead: _carried,
    typed.RowsRead: _rows,
    typed.Unary: _unary,
    typed.Binary: _binary,
    typed.Logical: _logical,
    typed.Convert: _convert,
    typed.Select: _select,
    typed.ArrayLiteral: _array_literal,
    typed.ArrayFill: _array_fill,
    typed.Comprehension: _comprehension,
    typed.Index: _index,
    typed.RecordLiteral: _record,
    typed.FieldRead: _field_read,
    typed.Reduce: _reduce,
}
_ELSEWHERE = {typed.Call}  # compiler/lower/calls.py
assert set(HANDLERS) | _ELSEWHERE == set(typed.Expr.__args__)
