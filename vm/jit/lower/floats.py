"""Float arithmetic: IEEE 754 binary32 and binary64, each operation rounded, no fast-math.

A NaN's bits do not matter until they are seen; then `canonical_bits` makes it the one NaN in
integer form, which LLVM cannot fold away (it does fold a select on a float compare).
"""

from __future__ import annotations

from vm.bits import INFINITY_BITS, NAN_BITS
from vm.jit.lower.state import Lowering
from vm.jit.lower.value import INTRINSIC_TYPE, LLVM_TYPE, Value
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
    return low.instruction(a.type, f"{LLVM_BINARY[op]} {low.typed(a)}, {low.text(b)}", a, b)


def compare(low: Lowering, op: Op, a: Value, b: Value) -> Value:
    """Ordered comparisons (NE: unordered): false with a NaN, NE true."""
    text = f"fcmp {PREDICATE[op]} {low.typed(a)}, {low.text(b)}"
    return low.instruction(ScalarType.BOOL, text, a, b)


def extreme(low: Lowering, op: Op, a: Value, b: Value) -> Value:
    """IEEE 754-2019 minimum and maximum."""
    kind = LLVM_TYPE[a.type]
    name = f"llvm.{EXTREME_INTRINSIC[op]}.{INTRINSIC_TYPE[a.type]}"
    text = low.build.call(kind, name, (kind, kind), (low.text(a), low.text(b)))
    return low.make(a.type, text, a, b)


def sign(low: Lowering, op: Op, a: Value) -> Value:
    """NEG and ABS, on the sign bit alone."""
    if op is Op.NEG:
        return low.instruction(a.type, f"fneg {low.typed(a)}", a)
    return _intrinsic(low, "fabs", a)


def _intrinsic(low: Lowering, name: str, a: Value) -> Value:
    kind = LLVM_TYPE[a.type]
    text = low.build.call(kind, f"llvm.{name}.{INTRINSIC_TYPE[a.type]}", (kind,), (low.text(a),))
    return low.make(a.type, text, a)


def canonical_bits(low: Lowering, value: Value) -> str:
    """The value's bits as an integer operand, any NaN made the one NaN."""
    scalar = value.type
    kind = f"i{scalar.bits}"
    if value.raw is not None:
        return low.build.value(f"bitcast {low.typed(value)} to {kind}")
    magnitude = (1 << (scalar.bits - 1)) - 1
    bits = low.build.value(f"bitcast {low.typed(value)} to {kind}")
    unsigned = low.build.value(f"and {kind} {bits}, {magnitude}")
    is_nan = low.build.value(f"icmp ugt {kind} {unsigned}, {INFINITY_BITS[scalar]}")
    return low.build.value(f"select i1 {is_nan}, {kind} {NAN_BITS[scalar]}, {kind} {bits}")


def do_unary(low: Lowering, position: int, instruction: Instruction) -> None:
    """SQRT, FLOOR, CEIL, TRUNC, NEAREST."""
    low.push(_intrinsic(low, UNARY_INTRINSIC[instruction.op], low.pop()))
