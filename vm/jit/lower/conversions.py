"""Conversions between scalar types, and reinterpretation of bits."""

from __future__ import annotations

from dataclasses import replace
from math import trunc

from vm.jit.lower import floats, integers, spans
from vm.jit.lower.state import Lowering
from vm.jit.lower.value import Value, constant, kind_of
from vm.module import Instruction, TrapCode
from vm.opcodes import Op
from vm.types import ScalarType


def _types(instruction: Instruction) -> tuple[ScalarType, ScalarType]:
    source, target = instruction.immediates
    assert isinstance(source, ScalarType)
    assert isinstance(target, ScalarType)
    return source, target


def resize(low: Lowering, value: Value, target: ScalarType) -> Value:
    """An integer or bool as another integer type: its bits extended by its sign, or cut."""
    source = value.type
    if value.raw is not None:
        raw = value.raw & ((1 << target.bits) - 1)
        return constant(target, raw - (1 << target.bits) if raw > target.maximum else raw)
    bits = 1 if source.is_bool else source.bits
    as_byte = value if source is ScalarType.U8 else value.as_byte
    if bits == target.bits:
        result = replace(low.make(target, value.text, value), split=value.split)
    elif bits > target.bits:
        text = f"trunc {low.typed(value)} to {kind_of(target, value.lanes)}"
        result = low.instruction(target, text, value)
    else:
        extend = "sext" if source.is_signed and value.low < 0 else "zext"
        text = f"{extend} {low.typed(value)} to {kind_of(target, value.lanes)}"
        result = low.instruction(target, text, value)
    if target.minimum <= value.low and value.high <= target.maximum:
        result = replace(result, low=value.low, high=value.high, as_byte=as_byte)
        if source is ScalarType.I64 and target is ScalarType.I32 and not value.lanes:
            result = replace(result, wide=value.text)
        if source is ScalarType.I32 and target is ScalarType.I64 and value.wide:
            result = replace(result, text=value.wide)
    return result


def do_convert(low: Lowering, position: int, instruction: Instruction) -> None:
    """CONVERT: exact between integers, rounded or saturated where floats take part."""
    source, target = _types(instruction)
    value = low.pop()
    if not source.is_float and not target.is_float:
        low.push(resize(low, value, target), position)
        return
    low.push(_with_floats(low, value, target), position)


def _with_floats(low: Lowering, value: Value, target: ScalarType) -> Value:
    source = value.type
    from_type, to_type = value.kind, kind_of(target, value.lanes)
    if source.is_float and target.is_float:
        name = "fpext" if target.bits > source.bits else "fptrunc"
        made = low.instruction(target, f"{name} {low.typed(value)} to {to_type}", value)
        return replace(made, span=spans.converted(value, target))
    if target.is_float:
        low.build.count += value.lanes if source.bits == 64 else 0  # LLVM takes it apart
        name = "sitofp" if source.is_signed else "uitofp"
        made = low.instruction(target, f"{name} {low.typed(value)} to {to_type}", value)
        whole = value if spans.is_exact(value, target) else None
        return replace(made, span=spans.converted(value, target), whole=whole)
    name = "fptosi" if target.is_signed else "fptoui"
    span = spans.span_of(value)
    if span is not None and target.minimum <= trunc(span[0]) <= trunc(span[1]) <= target.maximum:
        value = _cheap_root(low, value)
        made = low.instruction(target, f"{name} {low.typed(value)} to {to_type}", value)
        return replace(made, low=trunc(span[0]), high=trunc(span[1]))
    low.build.count += value.lanes  # LLVM takes it apart
    function = f"llvm.{name}.sat.{low.make(target, '', value).suffix}.{value.suffix}"
    text = low.build.call(to_type, function, (from_type,), (low.text(value),))
    return low.make(target, text, value)


def _cheap_root(low: Lowering, value: Value) -> Value:
    """The square root of an integer, of which only the whole part is asked, in f32 if that is
    enough.
    """
    number = value.root_of
    if value.type is ScalarType.F32 or number is None or number.high >= spans.ROOTS_IN_F32:
        return value
    as_float = _with_floats(low, number, ScalarType.F32)
    return floats.unary(low, Op.SQRT, as_float)


def do_wrap(low: Lowering, position: int, instruction: Instruction) -> None:
    """WRAP: modulo 2^bits."""
    _, target = _types(instruction)
    low.push(resize(low, low.pop(), target), position)


def do_saturate(low: Lowering, position: int, instruction: Instruction) -> None:
    """SATURATE: the nearest value of the target."""
    _, target = _types(instruction)
    value = low.pop()
    if value.low < target.minimum:
        limited = integers.extreme(low, Op.MAX, value, constant(value.type, target.minimum))
        value = replace(limited, low=target.minimum, high=max(value.high, target.minimum))
    if value.high > target.maximum:
        limited = integers.extreme(low, Op.MIN, value, constant(value.type, target.maximum))
        value = replace(limited, low=min(value.low, target.maximum), high=target.maximum)
    low.push(resize(low, value, target), position)


def do_narrow(low: Lowering, position: int, instruction: Instruction) -> None:
    """NARROW: traps where the target cannot hold the value."""
    source, target = _types(instruction)
    value = low.pop()
    if low.is_checked(position):
        if value.low < target.minimum:
            fits = integers.compare(low, Op.GE, value, constant(source, target.minimum))
            low.guard(fits, TrapCode.NARROW, position)
        if value.high > target.maximum:
            fits = integers.compare(low, Op.LE, value, constant(source, target.maximum))
            low.guard(fits, TrapCode.NARROW, position)
    within_low, within_high = max(value.low, target.minimum), min(value.high, target.maximum)
    if within_low <= within_high and value.raw is None:
        value = replace(value, low=within_low, high=within_high)
    low.push(resize(low, value, target), position)


def do_bits(low: Lowering, position: int, instruction: Instruction) -> None:
    """BITS: the same bits; a NaN is made the one NaN first."""
    source, target = _types(instruction)
    value = low.pop()
    if source.is_float:
        low.push(low.make(target, floats.canonical_bits(low, value), value), position)
    else:
        text = f"bitcast {low.typed(value)} to {kind_of(target, value.lanes)}"
        low.push(low.instruction(target, text, value), position)
