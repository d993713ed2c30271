"""Programs with a few instructions or declarations changed: some of them the verifier accepts."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from vm import limits
from vm.module import Border, Claim, Instruction, Kernel, Module, Order, Reduction
from vm.opcodes import Imm, Op
from vm.testing.values import random_raw, seeds
from vm.types import ScalarType

Code = list[Instruction]


def _drop(rng: Random, code: Code) -> None:
    del code[rng.randrange(len(code))]


def _double(rng: Random, code: Code) -> None:
    at = rng.randrange(len(code))
    code.insert(at, code[at])


def _swap(rng: Random, code: Code) -> None:
    left, right = rng.randrange(len(code)), rng.randrange(len(code))
    code[left], code[right] = code[right], code[left]


def _reopcode(rng: Random, code: Code) -> None:
    """Another instruction with the same immediates: same stack effect, most likely."""
    at = rng.randrange(len(code))
    old = code[at]
    alike = [op for op in Op if (op.immediates, op.pops) == (old.op.immediates, old.op.pops)]
    code[at] = replace(old, op=rng.choice(alike))


def _immediate(rng: Random, code: Code) -> None:
    at = rng.randrange(len(code))
    old = code[at]
    if not old.immediates:
        return
    which = rng.randrange(len(old.immediates))
    immediates: list[Any] = list(old.immediates)
    immediates[which] = _other(rng, old.op.immediates[which], immediates, which)
    if old.op is Op.CONST:
        immediates[1] = random_raw(rng, immediates[0])
    code[at] = replace(old, immediates=tuple(immediates))


def _other(rng: Random, kind: Imm, immediates: list[Any], which: int) -> Any:
    """Another value for an immediate."""
    value = immediates[which]
    if kind is Imm.VALUE:
        return random_raw(rng, immediates[which - 1])
    if kind is Imm.CLAIMS:
        return tuple(_claim(rng, claim) for claim in value)
    if isinstance(value, ScalarType):
        return rng.choice(list(ScalarType))
    if isinstance(value, Border | Order | Reduction):
        return rng.choice(list(type(value)))
    if isinstance(value, int):
        return value + rng.choice((-1, 1)) if kind in (Imm.AHEAD, Imm.DOWN) else rng.randrange(4)
    return value


def _claim(rng: Random, claim: Claim) -> Claim:
    return rng.choice(
        (
            replace(claim, low=claim.low + rng.choice((-1, 1))),
            replace(claim, high=claim.high + rng.choice((-1, 1))),
            replace(claim, offset=claim.offset + 1) if claim.dimension is not None else claim,
        )
    )


CHANGES: tuple[Callable[[Random, Code], None], ...] = (
    _drop,
    _double,
    _swap,
    _reopcode,
    _reopcode,
    _immediate,
    _immediate,
    _immediate,
)


def mutant(rng: Random, kernel: Kernel) -> Kernel:
    """The kernel with one or two changes."""
    code = list(kernel.code)
    for _ in range(rng.choice((1, 1, 2))):
        if code:
            rng.choice(CHANGES)(rng, code)
    carries = kernel.carries
    if carries and rng.random() < 0.1:
        narrower = [replace(carry, low=0) if carry.low is not None else carry for carry in carries]
        carries = tuple(narrower)
    return replace(kernel, code=tuple(code[: limits.INSTRUCTIONS]), carries=carries)


def mutants(module: Module) -> st.SearchStrategy[Module]:
    """The module with a few instructions changed, dropped, doubled or swapped."""
    return seeds().map(
        lambda rng: replace(module, kernels=tuple(mutant(rng, kernel) for kernel in module.kernels))
    )
