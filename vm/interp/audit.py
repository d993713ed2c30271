"""Holding every value against what the verifier proved of it: a check of the verifier itself."""

from __future__ import annotations

from collections.abc import Callable

from vm import scalar
from vm.errors import Crash
from vm.interp.machine import Machine, Step, types
from vm.module import Instruction, Reduction
from vm.opcodes import Op

EXACT: dict[Op, Callable[..., int]] = {
    **scalar.EXACT,
    Op.SHL: lambda scalar, a, b: a << (b % scalar.bits),
    Op.CONVERT: lambda source, target, a: int(a),
    Op.WRAP: lambda source, target, a: int(a),
    Op.SATURATE: lambda source, target, a: int(a),
}
"""The results without wrapping of the instructions that can wrap."""

PAIRS = frozenset({Reduction.ARGMIN, Reduction.ARGMAX})


def audited(
    machine: Machine,
    position: int,
    instruction: Instruction,
    step: Step,
) -> Step:
    """The step, followed by a check of what it pushed. Raises `Crash`."""
    interval = machine.facts.ranges.get(position)
    pushes_pair = bool(PAIRS & set(instruction.immediates[:1]))
    exact = EXACT.get(instruction.op) if position in machine.facts.exact else None
    operands = len(instruction.op.pops)
    kinds, stack = types(instruction), machine.stack

    def check() -> None:
        before = stack[len(stack) - operands :] if exact is not None else []
        step()
        if interval is not None and not pushes_pair:
            low, high = interval
            if not low <= stack[-1] <= high:
                raise wrong(f"{stack[-1]} is not in {low}..={high}")
        if exact is not None and stack[-1] != exact(*kinds, *before):
            raise wrong(f"{stack[-1]} was said to be exact, but is not {exact(*kinds, *before)}")

    def wrong(why: str) -> Crash:
        mnemonic = instruction.op.mnemonic
        return Crash(f"`{mnemonic}` at {position} of '{machine.kernel.name}': {why}")

    return check
