"""Emission: bytes that look like a forbidden instruction are moved apart, and nothing else."""

from __future__ import annotations

from random import Random

import capstone
import pytest

from tests import engines
from vm import codec
from vm.jit import backend, linker
from vm.jit.audit import find_forbidden
from vm.jit.emission import emit
from vm.jit.lower import VECTOR_TARGETS, lower
from vm.module import Module
from vm.testing.programs import random_kernel
from vm.testing.values import random_images
from vm.verifier import verify

EXTERNALS = {"memset": 0x1000, "memcpy": 0x1100, "memmove": 0x1200}
CPU = "x86-64-v4"
# Kernels whose first code has such bytes, across two instructions.
SEEDS = (41583,)


def ir_of(seed: int) -> str:
    kernel = random_kernel(Random(seed), 67)
    found = verify(codec.encode(Module((kernel,)))).kernels["k"]
    values = tuple(tuple(p.default) or (1,) * max(1, p.length) for p in kernel.parameters)
    return lower(found, values, blind=0, target=VECTOR_TARGETS[CPU]).ir


def mnemonics(text: bytes) -> list[str]:
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    names = [each.mnemonic for each in decoder.disasm(text, 0)]
    return [name for name in names if name not in ("nop", "int3")]


@pytest.mark.parametrize("seed", SEEDS)
def test_instructions_are_moved_apart(seed: int) -> None:
    ir = ir_of(seed)
    lines = backend.assembly(ir, CPU).splitlines()
    plain = linker.link(backend.assemble("\n".join(lines), CPU), "kernel", EXTERNALS)
    assert find_forbidden(plain.text)
    apart = emit(ir, CPU, 0, EXTERNALS)
    assert not find_forbidden(apart.text)
    assert mnemonics(apart.text) == mnemonics(plain.text)


def test_what_a_constant_holds_is_left_to_another_attempt() -> None:
    ir = "define i32 @kernel() {\n  ret i32 84215055\n}\n"  # 0x0505050f
    assert [each.name for each in find_forbidden(emit(ir, CPU, 0, EXTERNALS).text)] == ["syscall"]


def test_clean_code_has_no_nops() -> None:
    ir = "define i32 @kernel(i32 %a) {\n  %b = add i32 %a, 1\n  ret i32 %b\n}\n"
    assert b"\x90" not in emit(ir, CPU, 0, EXTERNALS).text


@pytest.mark.parametrize("seed", [*SEEDS, 739, 1207])
def test_moved_code_means_the_same(seed: int) -> None:
    kernel = random_kernel(Random(seed), 67)
    module = verify(codec.encode(Module((kernel,))))
    values = {p.name: [1] * p.length if p.length else 1 for p in kernel.parameters}
    inputs = random_images(Random(0), kernel)
    left, right = (
        engines.outcome(engine, module, "k", inputs, values)
        for engine in (engines.interpret, engines.native)
    )
    engines.assert_same(left, right)
