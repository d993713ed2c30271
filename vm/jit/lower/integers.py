"""Integer, boolean and bitwise arithmetic, comparisons and `select`, except division."""

from __future__ import annotations

from dataclasses import replace

from vm.jit.lower import floats, spans
from vm.jit.lower.state import Lowering
from vm.jit.lower.value import LLVM_TYPE, Affine, Value, constant, same
from vm.module import Instruction, TrapCode
from vm.opcodes import Op
from vm.types import ScalarType

LLVM_BINARY = {
    Op.ADD: "add",
    Op.SUB: "sub",
    Op.MUL: "mul",
    Op.AND: "and",
    Op.OR: "or",
    Op.XOR: "xor",
}
PREDICATE = {Op.EQ: "eq", Op.NE: "ne", Op.LT: "lt", Op.LE: "le", Op.GT: "gt", Op.GE: "ge"}
CAN_WRAP = frozenset({Op.ADD, Op.SUB, Op.MUL})
KEEPS_SIGN_BITS = frozenset({Op.AND, Op.OR, Op.XOR})  # wide forms agree even without a proof


def binary(low: Lowering, position: int, op: Op, a: Value, b: Value) -> Value:
    """ADD, SUB, MUL, AND, OR, XOR: wrapping, or trapping there in a checked run."""
    a, b = low.alike(a, b)
    scalar = a.type
    watched = op in CAN_WRAP and scalar.is_signed and low.keeps_wrap_check(position)
    if watched:
        result = _watched(low, position, op, a, b)
    else:
        summed = _split_sum(low, op, a, b)
        if summed is not None:
            return summed
        repeated = _periodic(low, position, op, a, b)
        if repeated is not None and op is Op.AND and _is_mask(a, b):
            return replace(repeated, periodic=repeated)
        text = f"{LLVM_BINARY[op]} {low.typed(a)}, {low.text(b)}"
        result = replace(low.instruction(scalar, text, a, b), periodic=repeated)
    exact = watched or position in low.facts.exact or op in KEEPS_SIGN_BITS
    if scalar is ScalarType.I32 and exact and low.has_wide(a, b):
        wide = low.build.value(f"{LLVM_BINARY[op]} i64 {low.wide(a)}, {low.wide(b)}")
        result = replace(result, wide=wide, affine=_affine(op, a, b))
    elif scalar is ScalarType.I32 and exact and result.lanes:
        result = replace(result, affine=_affine(op, a, b))
    return _bounded(op, result, a, b) if exact else result


def _periodic(low: Lowering, position: int, op: Op, a: Value, b: Value) -> Value | None:
    """The same of what agrees with the operands in their low bits: low bits of the result depend on
    no others.
    """
    one, other = (value if value.raw is not None else value.periodic for value in (a, b))
    if not a.lanes or one is None or other is None:
        return None
    made = binary(low, position, op, one, other)
    return replace(made, low=a.type.minimum, high=a.type.maximum, affine=None)


def _is_mask(a: Value, b: Value) -> bool:
    """Whether one of them leaves only bits below the number of lanes."""
    return any(value.raw is not None and 0 <= value.raw < value.lanes for value in (a, b))


def _bounded(op: Op, result: Value, a: Value, b: Value) -> Value:
    """What an operation that does not wrap tells of its result: of squares more than the verifier
    knows.
    """
    if op is Op.ADD:
        low, high = a.low + b.low, a.high + b.high
    elif op is Op.SUB:
        low, high = a.low - b.high, a.high - b.low
    elif op is Op.MUL:
        ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        low, high = min(ends), max(ends)
        if same(a, b):
            low = 0 if a.low < 0 < a.high else min(a.low * a.low, a.high * a.high)
    else:
        return result
    return replace(result, low=max(result.low, low), high=min(result.high, high))


def _watched(low: Lowering, position: int, op: Op, a: Value, b: Value) -> Value:
    """A sum, difference or product of signed integers that traps where its type is left."""
    kind = LLVM_TYPE[a.type]
    function = f"llvm.s{LLVM_BINARY[op]}.with.overflow.{kind}"
    pair = low.build.call(f"{{ {kind}, i1 }}", function, (kind, kind), (low.text(a), low.text(b)))
    wrapped = low.build.value(f"extractvalue {{ {kind}, i1 }} {pair}, 1")
    fits = low.instruction(ScalarType.BOOL, f"xor i1 {wrapped}, true", a, b)
    low.guard(fits, TrapCode.WRAP, position)
    return low.instruction(a.type, f"extractvalue {{ {kind}, i1 }} {pair}, 0", a, b)


def _affine(op: Op, a: Value, b: Value) -> Affine | None:
    if op is Op.ADD and a.affine is not None and b.raw is not None:
        return Affine(a.affine.axis, a.affine.offset + b.raw)
    if op is Op.ADD and b.affine is not None and a.raw is not None:
        return Affine(b.affine.axis, b.affine.offset + a.raw)
    if op is Op.SUB and a.affine is not None and b.raw is not None:
        return Affine(a.affine.axis, a.affine.offset - b.raw)
    return None


def _split_sum(low: Lowering, op: Op, a: Value, b: Value) -> Value | None:
    """A wrapping sum kept as an early and a late part.

    In a scan the pixel before is the critical path: what depends on it must be added last.
    `freeze` keeps LLVM from undoing the order, and changes no value.
    """
    if op not in (Op.ADD, Op.SUB) or (a.late == b.late and not (a.split or b.split)):
        return None
    name, kind = LLVM_BINARY[op], a.kind
    early_a, late_a = _parts(low, a)
    early_b, late_b = _parts(low, b)
    early = low.build.value(f"{name} {kind} {early_a}, {early_b}")
    late = low.build.value(f"{name} {kind} {late_a}, {late_b}")
    ready = low.build.value(f"freeze {kind} {early}")
    total = low.build.value(f"add {kind} {ready}, {late}")
    return replace(low.make(a.type, total, a, b), split=(early, late))


def _parts(low: Lowering, value: Value) -> tuple[str, str]:
    if value.split is not None:
        return value.split
    nothing = value.filled(0)
    if value.raw is not None:  # as a constant it would be moved behind the freeze
        return low.hidden(value), nothing
    return (nothing, value.text) if value.late else (value.text, nothing)


def negate(low: Lowering, position: int, a: Value) -> Value:
    """-a, wrapping or watched as `binary` is."""
    return binary(low, position, Op.SUB, constant(a.type, 0), a)


def absolute(low: Lowering, position: int, a: Value) -> Value:
    """|a|, wrapping or watched at MIN, where -a is too."""
    if a.low >= 0:
        return a
    return choose(low, compare(low, Op.LT, a, constant(a.type, 0)), negate(low, position, a), a)


def invert(low: Lowering, a: Value) -> Value:
    """The other bits."""
    return low.instruction(a.type, f"xor {low.typed(a)}, {a.filled(-1)}", a)


def shift(low: Lowering, op: Op, a: Value, count: Value) -> Value:
    """SHL, SHR with the count taken modulo the width."""
    a, count = low.alike(a, count)
    bits = a.type.bits
    if count.raw is not None:
        amount = a.filled(count.raw % bits)
    elif count.low >= 0 and count.high < bits:
        amount = low.text(count)
    else:
        amount = low.build.value(f"and {low.typed(count)}, {count.filled(bits - 1)}")
    name = "shl" if op is Op.SHL else "ashr" if a.type.is_signed else "lshr"
    result = low.instruction(a.type, f"{name} {low.typed(a)}, {amount}", a, count)
    if op is Op.SHR and a.wide is not None and count.raw is not None:
        result = replace(result, wide=low.build.value(f"ashr i64 {a.wide}, {amount}"))
    return result


def compare(low: Lowering, op: Op, a: Value, b: Value) -> Value:
    """A comparison of two scalars of one type."""
    a, b = low.alike(a, b)
    scalar = a.type
    if scalar.is_float:
        return floats.compare(low, op, a, b)
    sign = "" if op in (Op.EQ, Op.NE) else "s" if scalar.is_signed else "u"
    predicate = sign + PREDICATE[op]
    if scalar is ScalarType.I32 and low.has_wide(a, b):
        text = f"icmp {predicate} i64 {low.wide(a)}, {low.wide(b)}"
    else:
        text = f"icmp {predicate} {low.typed(a)}, {low.text(b)}"
    return low.instruction(ScalarType.BOOL, text, a, b)


def choose(low: Lowering, condition: Value, a: Value, b: Value) -> Value:
    """`a` if the condition holds, else `b`."""
    if condition.raw is not None:
        return a if condition.raw else b
    condition, a, b = low.alike(condition, a, b)
    test = low.text(condition)
    text = f"select {low.typed(condition)}, {low.typed(a)}, {low.typed(b)}"
    result = low.instruction(a.type, text, condition, a, b)
    if a.type is ScalarType.I32 and low.has_wide(a, b):
        text = f"select i1 {test}, i64 {low.wide(a)}, i64 {low.wide(b)}"
        result = replace(result, wide=low.build.value(text))
    if a.type.is_float:
        return replace(result, span=spans.joined(spans.span_of(a), spans.span_of(b)))
    return replace(result, low=min(a.low, b.low), high=max(a.high, b.high))


def extreme(low: Lowering, op: Op, a: Value, b: Value) -> Value:
    """MIN, MAX of any number type."""
    if a.type.is_float:
        return floats.extreme(low, op, a, b)
    a, b = low.alike(a, b)
    return choose(low, compare(low, Op.LT if op is Op.MIN else Op.GT, a, b), a, b)


# Handlers.


def do_binary(low: Lowering, position: int, instruction: Instruction) -> None:
    """ADD, SUB, MUL, AND, OR, XOR."""
    b, a = low.pop(), low.pop()
    if a.type.is_float:
        low.push(floats.binary(low, instruction.op, a, b))
    else:
        low.push(binary(low, position, instruction.op, a, b), position)


def do_unary(low: Lowering, position: int, instruction: Instruction) -> None:
    """NEG, ABS, NOT."""
    a = low.pop()
    if a.type.is_float:
        low.push(floats.sign(low, instruction.op, a))
    elif instruction.op is Op.NEG:
        low.push(negate(low, position, a), position)
    elif instruction.op is Op.ABS:
        low.push(absolute(low, position, a), position)
    else:
        low.push(invert(low, a), position)


def do_extreme(low: Lowering, position: int, instruction: Instruction) -> None:
    """MIN, MAX."""
    b, a = low.pop(), low.pop()
    low.push(extreme(low, instruction.op, a, b), position)


def do_shift(low: Lowering, position: int, instruction: Instruction) -> None:
    """SHL, SHR."""
    b, a = low.pop(), low.pop()
    low.push(shift(low, instruction.op, a, b), position)


def do_compare(low: Lowering, position: int, instruction: Instruction) -> None:
    """EQ, NE, LT, LE, GT, GE."""
    b, a = low.pop(), low.pop()
    low.push(compare(low, instruction.op, a, b), position)


def do_select(low: Lowering, position: int, instruction: Instruction) -> None:
    """SELECT."""
    b, a, condition = low.pop(), low.pop(), low.pop()
    low.push(choose(low, condition, a, b), position)
