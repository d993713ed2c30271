"""Emission: bytes that look like a forbidden instruction are moved apart, and nothing else."""

from __future__ import annotations

from random import Random

import capstone
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import engines
from tests.conftest import FUZZ_EXAMPLES
from vm import codec
from vm.inputs import Outputs
from vm.jit import backend, emission, linker
from vm.jit.audit import find_forbidden
from vm.jit.emission import emit
from vm.jit.lower import VECTOR_TARGETS, lower
from vm.module import Module
from vm.sandbox.box_main import compile_kernel
from vm.sandbox.capability import require_native
from vm.sandbox.messages import CompileAnswer, CompileRequest
from vm.sandbox.runner import NativeRunner
from vm.testing import parameter_values
from vm.testing.programs import random_kernel
from vm.testing.scans import random_scans
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


@pytest.mark.parametrize(
    ("line", "then"),
    [
        ("leaq\t783(%rcx,%rax), %rdx", "jb\t.L1"),  # it neither reads nor writes flags
        ("addq\t$783, %rdx", "movq\t%rdx, 8(%rsp);cmpl\t%eax, %ebx;jb\t.L1"),
        ("subq\t$783, %rdx", "jmp\t.L1;nop;.L1:;ucomisd\t%xmm0, %xmm1"),
        ("addq\t$-783, %rdx", "addps\t%xmm0, %xmm1;retq"),
    ],
)
def test_an_offset_is_added_in_two_steps(line: str, then: str) -> None:
    lines = [f"\t{line}", *_lines(then)]
    first, second = emission._in_two_steps(lines, 0)
    sign = -1 if "sub" in line or "-" in line else 1
    source = "%rcx,%rax" if "lea" in line else "%rdx"
    assert first == f"\tleaq\t{sign * 783 - emission.MOVED}({source}), %rdx"
    assert second == f"\tleaq\t{emission.MOVED}(%rdx), %rdx"


@pytest.mark.parametrize(
    "then",
    [
        "jb\t.L1",
        "movq\t%rdx, 8(%rsp);cmovel\t%eax, %ebx",
        "andps\t%xmm0, %xmm1;addps\t%xmm0, %xmm1;setb\t%al;cmpl\t%eax, %ebx",
        "incq\t%rax;adcq\t$0, %rbx",
        "jmp\t.L2;retq;.L2:;sbbl\t%eax, %eax",
        "jmp\t*%rax",
        "ud2",  # nobody is seen to write over them
        ".L3:;jmp\t.L3",
    ],
)
def test_a_sum_whose_flags_are_read_is_left_alone(then: str) -> None:
    assert emission._in_two_steps(["\taddq\t$783, %rdx", *_lines(then)], 0) == []


@pytest.mark.parametrize("offset", [-(1 << 31), 3 - (1 << 31), (1 << 31) - 1, 0])
@pytest.mark.parametrize(
    "line", ["movb\t%al, {0}(%r15,%rcx)", "leaq\t{0}(%rcx,%rax), %rdx", "addq\t${0}, %rdx"]
)
def test_offsets_stay_within_32_bits(line: str, offset: int) -> None:
    lines = ["\t" + line.format(offset), "\tretq"]
    written = emission._in_two_steps(lines, 0) or emission._on_another_base(lines[0])
    assert written != lines[:1]
    assert backend.assemble("\n".join([*written, lines[1]]), CPU)


def test_a_kernel_whose_offsets_are_at_their_least() -> None:
    """The compile box died of it."""
    kernel = random_kernel(Random(26107511), 52)
    module = verify(codec.encode(Module((kernel,))))
    inputs = random_images(Random(0), kernel)
    left, right = (
        engines.outcome(engine, module, "k", inputs, {"p0": -18})
        for engine in (engines.interpret, engines.native)
    )
    engines.assert_same(left, right)


def _lines(text: str) -> list[str]:
    return [line if line.endswith(":") else f"\t{line}" for line in text.split(";")]


def test_a_scan_whose_pointers_have_such_offsets() -> None:
    """It was refused in all layouts: 783 is 0x030f, and `0f 03` is lsl."""
    module = verify(codec.encode(Module((random_scans(Random(346), 1),))))
    inputs = random_images(Random(0), module.kernels["k"].kernel)
    left, right = (
        engines.outcome(engine, module, "k", inputs, {"p0": [5]})
        for engine in (engines.interpret, engines.native)
    )
    engines.assert_same(left, right)


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


class Rewriting:
    """A compile box in this process, which writes every instruction otherwise that it can."""

    def __init__(self) -> None:
        self.cpu = require_native().cpu
        self.rewritten = 0

    def compile(self, request: CompileRequest) -> CompileAnswer:
        """As the box does."""
        with pytest.MonkeyPatch.context() as patch:
            plain = backend.assembly
            patch.setattr(backend, "assembly", lambda *given: self._rewrite(plain(*given)))
            return compile_kernel(request)

    def _rewrite(self, text: str) -> str:
        lines, written = text.splitlines(), []
        for number, line in enumerate(lines):
            other = emission._in_two_steps(lines, number) or emission._on_another_base(line)
            self.rewritten += other != [line]
            written += other
        return "\n".join(written)


@pytest.mark.fuzz
@given(st.data(), st.integers(0, 10_000), st.booleans())
@settings(max_examples=FUZZ_EXAMPLES // 20 or 12, deadline=None)
def test_code_that_is_written_otherwise_means_the_same(
    data: st.DataObject, seed: int, is_scan: bool
) -> None:
    rng = Random(seed)
    kernel = random_scans(rng, 1 + seed % 3) if is_scan else random_kernel(rng, 40)
    module = verify(codec.encode(Module((kernel,))))
    values = data.draw(parameter_values(kernel))
    inputs = random_images(Random(0), kernel)
    box = Rewriting()

    def rewritten(*_: object) -> Outputs:
        with NativeRunner(module, "k", values, box=box) as runner:  # type: ignore[arg-type]
            return runner.run(inputs)

    left, right = (
        engines.outcome(engine, module, "k", inputs, values)
        for engine in (engines.interpret, rewritten)
    )
    engines.assert_same(left, right)
    assert box.rewritten
