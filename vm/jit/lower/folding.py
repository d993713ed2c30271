"""Arithmetic on known values is done here and now, by the meaning the interpreter has."""

from __future__ import annotations

from vm.bits import from_raw, to_raw
from vm.jit.lower.state import Handler, Lowering
from vm.jit.lower.value import Value, constant
from vm.module import Instruction, TrapCode
from vm.opcodes import Op
from vm.scalar import ARITHMETIC, MEANING, ArithmeticTrap, wraps
from vm.scalar import Value as Number
from vm.types import ScalarType

COMPARISONS = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE})


def result_type(instruction: Instruction) -> ScalarType:
    """The type that an arithmetic instruction pushes."""
    if instruction.op in COMPARISONS:
        return ScalarType.BOOL
    scalar = instruction.immediates[-1]
    assert isinstance(scalar, ScalarType)
    return scalar


def folded(instruction: Instruction, args: list[Value]) -> Value | None:
    """The result, if all operands are known and the operation does not trap in every run."""
    if not all(arg.is_constant for arg in args):
        return None
    try:
        number = MEANING[instruction.op](*instruction.immediates, *numbers_of(args))
    except ArithmeticTrap:
        return None
    scalar = result_type(instruction)
    return constant(scalar, to_raw(scalar, number))


def numbers_of(args: list[Value]) -> list[Number]:
    """The numbers that known values are."""
    return [from_raw(arg.type, arg.raw) for arg in args if arg.raw is not None]


def wraps_known(instruction: Instruction, args: list[Value]) -> bool:
    """Whether signed arithmetic on these known operands wraps: a checked run traps when it gets
    there, which may be never.
    """
    return wraps(instruction.op, result_type(instruction), *numbers_of(args))


def folding(handler: Handler) -> Handler:
    """The handler of an arithmetic instruction, used only where folding cannot."""

    def handle(low: Lowering, position: int, instruction: Instruction) -> None:
        count = len(instruction.op.pops)
        operands = low.stack[-count:]
        known = folded(instruction, operands)
        if known is None:
            handler(low, position, instruction)
        else:
            del low.stack[-count:]
            if low.keeps_wrap_check(position) and wraps_known(instruction, operands):
                low.guard(constant(ScalarType.BOOL, 0), TrapCode.WRAP, position)
            low.push(known)

    return handle


def fold_all(handlers: dict[Op, Handler]) -> dict[Op, Handler]:
    """Every arithmetic handler, folding first."""
    assert set(handlers) == ARITHMETIC, set(handlers) ^ ARITHMETIC
    return {op: folding(handler) for op, handler in handlers.items()}
