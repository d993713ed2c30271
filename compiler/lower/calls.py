"""Calls, inlined: arguments are evaluated once, then the body runs in a scope of its own.

A kernel that is called is a function whose parameters keep their ranges: an argument outside of
one traps, as the caller of a kernel would be refused.
"""

from __future__ import annotations

from compiler import ir, symbols, typed
from compiler.lower.context import Lowering, Scope
from compiler.lower.expressions import HANDLERS, scalar_type, value
from compiler.lower.values import Elements, Place, Slot, Value, element_at
from compiler.types import element_count
from vm.opcodes import Op
from vm.types import ScalarType

BOOL, I32 = ScalarType.BOOL, ScalarType.I32
Caller = typed.Call | typed.CallStatement


def call(lowering: Lowering, caller: Caller) -> Value:
    """Inline a call; gives its result."""
    function, outer = caller.function, lowering.scope
    inner = Scope()
    bound: list[tuple[symbols.Local | symbols.Parameter, Value]] = []
    for parameter, argument in zip(function.parameters, caller.arguments, strict=True):
        if isinstance(parameter, symbols.Image):
            assert isinstance(argument, symbols.Image)
            image = inner.images[parameter] = outer.images[argument]
            inner.sizes[parameter] = (image.width, image.height)
        else:
            assert not isinstance(argument, symbols.Image)
            bound.append((parameter, _argument(lowering, value(lowering, argument), parameter)))
    for sized, extent in caller.extents:
        inner.extents[sized] = lowering.dimensions.terms(extent, outer.sizes, outer.extents)
    lowering.scope = inner
    for parameter, found in bound:
        if isinstance(parameter, symbols.Parameter):
            inner.parameters[parameter] = found
            _keep_range(lowering, function.name, parameter, found)
        elif isinstance(found, Slot):
            inner.slots[parameter] = found
        else:
            lowering.bind(parameter, found, owned=False)
    jumps, lowering.jumps = lowering.jumps, None
    result = lowering.run_call(lowering, function)
    lowering.jumps = jumps
    if isinstance(function.result, typed.LocalRead) and isinstance(result, Slot):
        parameters = {each for each in function.parameters if isinstance(each, symbols.Local)}
        if function.result.local not in parameters and result.is_whole and not result.stable:
            result = Slot(result.array, result.scalar, result.base, result.length, True, True)
    lowering.scope = outer
    return result


def _argument(
    lowering: Lowering, found: Value, parameter: symbols.Local | symbols.Parameter
) -> Value:
    """Arguments are evaluated before the call, once."""
    if isinstance(found, Elements | Slot):
        return lowering.materialised(found, scalar_type(parameter.type))
    if isinstance(found, Place | ir.Constant):
        return found
    return ir.Read(lowering.first(found, parameter.name, owned=False))


def _keep_range(
    lowering: Lowering, kernel: str, parameter: symbols.Parameter, found: Value
) -> None:
    """Trap if a value is outside of its parameter's range; constants have been checked."""
    scalar = scalar_type(parameter.type)
    if isinstance(found, ir.Constant) or scalar is BOOL:
        return
    if parameter.low is None and not scalar.is_float:
        return
    text = f"'{parameter.name}' of kernel '{kernel}' is out of its range"
    if not isinstance(found, Slot):
        assert not isinstance(found, Elements | Place)
        lowering.emit(ir.Require(_in_range(lowering, parameter, found), text, lowering.line))
        return
    if found.array.data:
        return
    index = ir.Register(I32, "i")
    lowering.known[index] = (0, element_count(parameter.type) - 1)
    with lowering.new_block() as body:
        each = lowering.saved(element_at(found, ir.Read(index), lowering.line))
        lowering.emit(ir.Require(_in_range(lowering, parameter, each), text, lowering.line))
    end = ir.i32(element_count(parameter.type))
    lowering.emit(ir.For(index, ir.i32(0), end, 1, tuple(body), (), lowering.line))


def _in_range(lowering: Lowering, parameter: symbols.Parameter, found: ir.Expr) -> ir.Expr:
    scalar = found.type
    if parameter.low is None or parameter.high is None:
        return lowering.operation(Op.EQ, scalar, found, found)  # any float but NaN
    low, high = (ir.constant(each, scalar) for each in (parameter.low, parameter.high))
    above = lowering.operation(Op.GE, scalar, found, low)
    below = lowering.operation(Op.LE, scalar, found, high)
    return lowering.operation(Op.AND, BOOL, above, below)


HANDLERS[typed.Call] = call
