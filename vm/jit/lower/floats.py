"""Float arithmetic: IEEE 754 binary32 and binary64, each operation rounded, no fast-math.

A NaN's bits do not matter until they are seen; then `canonical_bits` makes it the one NaN in
integer form, which LLVM cannot fold away (it does fold a select on a float compare).
"""

from __future__ import annotations

from dataclasses import replace

from vm.bits import INFINITY_BITS, NAN_BITS
from vm.jit.lower import spans
from vm.jit.lower.state import Lowering
from vm.jit.lower.value import Value
from vm.module import Instruction
from vm.opcodes import Op
from vm.types import ScalarType

LLVM_BINARY = {Op.ADD: "fadd", Op.SUB: "fsub", Op.MUL: "fmul", Op.DIV: "fdiv"}
PREDICATE = {Op.EQ: "oeq", Op.NE: "une", Op.LT: "olt", Op.LE: "ole", Op.GT: "ogt", Op.GE: "oge"}
UNARY_INTRINSIC = {
    Op.SQRT: "sqrt",
    Op.FLOOR: "floor",
    Op.CEIL: "ceil",
    Op.TRUNC: "trunc",
    Op.NEAREST: "roundeven",
}
EXTREME_INTRINSIC = {Op.MIN: "minimum", Op.MAX: "maximum"}


def binary(low: Lowering, op: Op, a: Value, b: Value) -> Value:
    """ADD, SUB, MUL, DIV."""
    a, b = low.alike(a, b)
    made = low.instruction(a.type, f"{LLVM_BINARY[op]} {low.typed(a)}, {low.text(b)}", a, b)
    return replace(made, span=spans.result(op, a.type, a, b))


def compare(low: Lowering, op: Op, a: Value, b: Value) -> Value:
    """Ordered comparisons (NE: unordered): false with a NaN, NE true."""
    a, b = low.alike(a, b)
    text = f"fcmp {PREDICATE[op]} {low.typed(a)}, {low.text(b)}"
    return low.instruction(ScalarType.BOOL, text, a, b)


def extreme(low: Lowering, op: Op, a: Value, b: Value) -> Value:
    """IEEE 754-2019 minimum and maximum."""
    a, b = low.alike(a, b)
    name = f"llvm.{EXTREME_INTRINSIC[op]}.{a.suffix}"
    text = low.build.call(a.kind, name, (a.kind, a.kind), (low.text(a), low.text(b)))
    return replace(low.make(a.type, text, a, b), span=spans.result(op, a.type, a, b))


def sign(low: Lowering, op: Op, a: Value) -> Value:
    """NEG and ABS, on the sign bit alone."""
    if op is Op.NEG:
        made = low.instruction(a.type, f"fneg {low.typed(a)}", a)
    else:
        made = _intrinsic(low, "fabs", a)
    return replace(made, span=spans.result(op, a.type, a))


def _intrinsic(low: Lowering, name: str, a: Value) -> Value:
    text = low.build.call(a.kind, f"llvm.{name}.{a.suffix}", (a.kind,), (low.text(a),))
    return low.make(a.type, text, a)


def unary(low: Lowering, op: Op, a: Value) -> Value:
    """SQRT, FLOOR, CEIL, TRUNC, NEAREST."""
    made = _intrinsic(low, UNARY_INTRINSIC[op], a)
    root_of = a.whole if op is Op.SQRT else None
    return replace(made, span=spans.result(op, a.type, a), root_of=root_of)


def canonical_bits(low: Lowering, value: Value) -> str:
    """The value's bits as an integer operand, any NaN made the one NaN."""
    scalar, lanes = value.type, value.lanes
    bits_type = ScalarType.U32 if scalar.bits == 32 else ScalarType.U64
    pattern = Value(bits_type, lanes=lanes)
    kind = pattern.kind
    if value.raw is not None:
        return low.build.value(f"bitcast {low.typed(value)} to {kind}")
    magnitude = (1 << (scalar.bits - 1)) - 1
    bits = low.build.value(f"bitcast {low.typed(value)} to {kind}")
    if value.span is not None:
        return bits
    unsigned = low.build.value(f"and {kind} {bits}, {pattern.filled(magnitude)}")
    infinity, nan = pattern.filled(INFINITY_BITS[scalar]), pattern.filled(NAN_BITS[scalar])
    is_nan = low.build.value(f"icmp ugt {kind} {unsigned}, {infinity}")
    return low.build.value(f"select {value.flag} {is_nan}, {kind} {nan}, {kind} {bits}")


def do_unary(low: Lowering, position: int, instruction: Instruction) -> None:
    """SQRT, FLOOR, CEIL, TRUNC, NEAREST."""
    low.push(unary(low, instruction.op, low.pop()))
