"""Integer division: five roundings, guarded so that the hardware never faults.

By a constant power of two it is a shift or a mask; by other constants LLVM multiplies.
"""

from __future__ import annotations

from vm.jit.lower import floats, integers
from vm.jit.lower.lanes import NotVector
from vm.jit.lower.state import Lowering
from vm.jit.lower.value import Value, constant, kind_of
from vm.module import Instruction, TrapCode
from vm.opcodes import Op
from vm.types import ScalarType

BLIND_DIVISORS = 3  # from this level on divisors are hidden from LLVM too
QUOTIENTS = {Op.DIV, Op.DIV_FLOOR, Op.DIV_ROUND}
FLOORS = {Op.DIV_FLOOR, Op.MOD_FLOOR}
REMAINDERS = {Op.REM, Op.MOD_FLOOR}
FLOAT_EXACT = 1 << 24


def do_divide(low: Lowering, position: int, instruction: Instruction) -> None:
    """DIV, REM, DIV_FLOOR, MOD_FLOOR, DIV_ROUND."""
    b, a = low.pop(), low.pop()
    if a.type.is_float:
        low.push(floats.binary(low, instruction.op, a, b))
        return
    if low.is_checked(position):
        good = integers.compare(low, Op.NE, b, constant(b.type, 0))
        low.guard(good, TrapCode.DIVISION, position)
        if low.lane_body is not None and b.raw is None:  # lanes go on: by 1 where that was 0
            b = integers.choose(low, good, b, constant(b.type, 1))
    if instruction.op in QUOTIENTS and a.type.is_signed and low.keeps_wrap_check(position):
        _watch(low, position, a, b)
    if b.raw == 0:  # the trap above is taken
        low.push(constant(a.type, 0))
    elif b.raw is not None and low.blind < BLIND_DIVISORS:
        low.build.count += a.lanes if a.type.bits == 64 else 0  # LLVM takes it apart
        low.push(_by_constant(low, instruction.op, a, b.raw), position)
    else:
        low.push(_by_value(low, instruction.op, a, b), position)


def _watch(low: Lowering, position: int, a: Value, b: Value) -> None:
    """Trap for MIN / -1, the only quotient that its type cannot hold."""
    least, minus_one = constant(a.type, a.type.minimum), constant(b.type, -1)
    if a.low > least.low or b.low > -1 or b.high < -1:
        return
    other_a = integers.compare(low, Op.NE, a, least)
    other_b = integers.compare(low, Op.NE, b, minus_one)
    text = f"or i1 {low.text(other_a)}, {low.text(other_b)}"
    low.guard(low.instruction(ScalarType.BOOL, text, a, b), TrapCode.WRAP, position)


def _emit(low: Lowering, text: str, *sources: Value) -> Value:
    return low.instruction(sources[0].type, text, *sources)


def _by_constant(low: Lowering, op: Op, a: Value, divisor: int) -> Value:
    not_negative = a.low >= 0
    power = divisor > 0 and divisor & (divisor - 1) == 0
    if divisor == 1:
        return constant(a.type, 0) if op in REMAINDERS else a
    if divisor == -1:
        return constant(a.type, 0) if op in REMAINDERS else _negated(low, a)
    if power and (op in FLOORS or (not_negative and op is not Op.DIV_ROUND)):
        return _by_power(low, op, a, divisor)
    if divisor > 0 and not_negative and op is not Op.DIV_ROUND:
        name = "urem" if op in REMAINDERS else "udiv"
        return _emit(low, f"{name} {low.typed(a)}, {a.filled(divisor)}", a)
    if op in FLOORS and divisor > 0:
        return _floor_by_positive(low, op, a, divisor)
    return _from_quotient(low, op, a, constant(a.type, divisor), *_truncated(low, a, divisor))


def _negated(low: Lowering, a: Value) -> Value:
    return _emit(low, f"sub {a.kind} {a.filled(0)}, {low.text(a)}", a)


def _by_power(low: Lowering, op: Op, a: Value, divisor: int) -> Value:
    if op in REMAINDERS:
        return integers.binary(low, -1, Op.AND, a, constant(a.type, divisor - 1))
    count = constant(a.type, divisor.bit_length() - 1)
    return integers.shift(low, Op.SHR, a, count)


def _floor_by_positive(low: Lowering, op: Op, a: Value, divisor: int) -> Value:
    """floor(a / c) for c > 0 and any signed a: ~(~a / c) where a is negative."""
    mask = low.build.value(f"ashr {low.typed(a)}, {a.filled(a.type.bits - 1)}")
    folded = low.build.value(f"xor {low.typed(a)}, {mask}")
    quotient = low.build.value(f"udiv {a.kind} {folded}, {a.filled(divisor)}")
    floored = _emit(low, f"xor {a.kind} {quotient}, {mask}", a)
    if op is Op.DIV_FLOOR:
        return floored
    whole = low.build.value(f"mul {low.typed(floored)}, {a.filled(divisor)}")
    return _emit(low, f"sub {low.typed(a)}, {whole}", a)


def _truncated(low: Lowering, a: Value, divisor: int) -> tuple[str, str]:
    """Quotient and remainder towards zero by a constant other than 0, 1, -1."""
    prefix = "s" if a.type.is_signed else "u"
    shown = a.filled(divisor if divisor <= a.type.maximum else divisor - (1 << a.type.bits))
    quotient = low.build.value(f"{prefix}div {low.typed(a)}, {shown}")
    product = low.build.value(f"mul {a.kind} {quotient}, {shown}")
    return quotient, low.build.value(f"sub {low.typed(a)}, {product}")


def _by_value(low: Lowering, op: Op, a: Value, b: Value) -> Value:
    """By a divisor known only to be other than zero; MIN / -1 is kept from the hardware."""
    a, b = low.alike(a, b)
    kind, text_a, text_b = a.kind, low.text(a), low.text(b)
    if a.lanes and _magnitude_of(a) + _magnitude_of(b) < FLOAT_EXACT:
        return _from_quotient(low, op, a, b, *_by_floats(low, a, b))
    if a.lanes:
        raise NotVector("it divides by a value, and numbers are too large for that in vectors")
    if not a.type.is_signed or (a.low >= 0 and b.low >= 0):
        quotient = low.build.value(f"udiv {kind} {text_a}, {text_b}")
        rest = low.build.value(f"urem {kind} {text_a}, {text_b}")
        return _from_quotient(low, op, a, b, quotient, rest)
    if a.low > a.type.minimum or b.low > -1 or b.high < -1:
        quotient = low.build.value(f"sdiv {kind} {text_a}, {text_b}")
        rest = low.build.value(f"srem {kind} {text_a}, {text_b}")
        return _from_quotient(low, op, a, b, quotient, rest)
    is_minus_one = low.build.value(f"icmp eq {kind} {text_b}, {b.filled(-1)}")
    safe = low.build.value(f"select {a.flag} {is_minus_one}, {kind} {b.filled(1)}, {kind} {text_b}")
    plain = low.build.value(f"sdiv {kind} {text_a}, {safe}")
    rest = low.build.value(f"srem {kind} {text_a}, {safe}")
    negated = low.build.value(f"sub {kind} {a.filled(0)}, {text_a}")
    quotient = low.build.value(f"select {a.flag} {is_minus_one}, {kind} {negated}, {kind} {plain}")
    return _from_quotient(low, op, a, b, quotient, rest)


def _magnitude_of(value: Value) -> int:
    return max(abs(value.low), abs(value.high))


def _by_floats(low: Lowering, a: Value, b: Value) -> tuple[str, str]:
    """Quotient and remainder towards zero, lane by lane, through binary32: vectors have no integer
    division.

    Both are exact. If |a| + |b| < 2^24, and the true quotient lies below an integer k, it lies at
    least 1/|b| below, which is more than k · 2^-24: rounding does not reach k.
    """
    build, floats_kind = low.build, kind_of(ScalarType.F32, a.lanes)
    convert = "sitofp" if a.type.is_signed else "uitofp"
    over = build.value(f"{convert} {low.typed(a)} to {floats_kind}")
    under = build.value(f"{convert} {low.typed(b)} to {floats_kind}")
    divided = build.value(f"fdiv {floats_kind} {over}, {under}")
    back = "fptosi" if a.type.is_signed else "fptoui"
    quotient = build.value(f"{back} {floats_kind} {divided} to {a.kind}")
    product = build.value(f"mul {a.kind} {quotient}, {low.text(b)}")
    return quotient, build.value(f"sub {low.typed(a)}, {product}")


def _from_quotient(low: Lowering, op: Op, a: Value, b: Value, quotient: str, rest: str) -> Value:
    """The asked rounding from the truncated quotient and its remainder."""
    if op is Op.DIV:
        return low.make(a.type, quotient, a, b)
    if op is Op.REM:
        return low.make(a.type, rest, a, b)
    a, b = low.alike(a, b)
    if op is Op.DIV_ROUND:
        return _rounded(low, a, b, quotient, rest)
    if not a.type.is_signed:
        return low.make(a.type, quotient if op is Op.DIV_FLOOR else rest, a, b)
    kind, flag = a.kind, a.flag
    mixed = low.build.value(f"xor {kind} {rest}, {low.text(b)}")
    opposite = low.build.value(f"icmp slt {kind} {mixed}, {a.filled(0)}")
    inexact = low.build.value(f"icmp ne {kind} {rest}, {a.filled(0)}")
    adjust = low.build.value(f"and {flag} {opposite}, {inexact}")
    if op is Op.DIV_FLOOR:
        step = low.build.value(f"sext {flag} {adjust} to {kind}")
        return _emit(low, f"add {kind} {quotient}, {step}", a, b)
    step = low.build.value(f"select {flag} {adjust}, {low.typed(b)}, {kind} {a.filled(0)}")
    return _emit(low, f"add {kind} {rest}, {step}", a, b)


def _rounded(low: Lowering, a: Value, b: Value, quotient: str, rest: str) -> Value:
    """To the nearest, halves away from zero: up where |rest| >= |b| - |rest|."""
    kind, flag = a.kind, a.flag
    rest_size = _magnitude(low, a, rest)
    size = _magnitude(low, a, low.text(b))
    left = low.build.value(f"sub {kind} {size}, {rest_size}")
    away = low.build.value(f"icmp uge {kind} {rest_size}, {left}")
    if not a.type.is_signed:
        step = low.build.value(f"zext {flag} {away} to {kind}")
        return _emit(low, f"add {kind} {quotient}, {step}", a, b)
    mixed = low.build.value(f"xor {kind} {low.text(a)}, {low.text(b)}")
    mask = low.build.value(f"ashr {kind} {mixed}, {a.filled(a.type.bits - 1)}")
    towards = low.build.value(f"or {kind} {mask}, {a.filled(1)}")
    step = low.build.value(f"select {flag} {away}, {kind} {towards}, {kind} {a.filled(0)}")
    return _emit(low, f"add {kind} {quotient}, {step}", a, b)


def _magnitude(low: Lowering, like: Value, text: str) -> str:
    """|value| read as unsigned, so that |MIN| is right; `text` has the type of `like`."""
    if not like.type.is_signed:
        return text
    kind = like.kind
    negated = low.build.value(f"sub {kind} {like.filled(0)}, {text}")
    negative = low.build.value(f"icmp slt {kind} {text}, {like.filled(0)}")
    return low.build.value(f"select {like.flag} {negative}, {kind} {negated}, {kind} {text}")
