"""A second look at what the compiler made: a disassembler reads every kernel from end to end.

No instruction outside of a short list, and no jump or call but to a place in the kernel's own
code, or to the launcher's two memory functions.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import capstone
import pytest
from hypothesis import given

from compiler.pipeline import compile_path
from tests.counting import count
from tests.jit import kernels
from vm import codec
from vm.jit import backend
from vm.jit.emission import emit
from vm.jit.image import KERNEL, KernelImage, constants_address
from vm.jit.lower import VECTOR_TARGETS, lower
from vm.module import Module
from vm.sandbox.elf import EXTERNALS
from vm.testing import modules
from vm.verifier import VerifiedKernel, verify

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.cps"))
WAVES = Path(__file__).parent / "jit" / "waves.cps"
LEVELS = ["x86-64-v2", "x86-64-v3", "x86-64-v4"]
INTEGER = """
    add sub adc sbb inc dec neg not and or xor andn mul imul mulx div idiv cqo cwd cwde cdq cdqe
    cmp test sete setne setb setae seta setbe setl setge setg setle sets setns setp setnp seto setno
    mov movabs movzx movsx movsxd lea xchg push pop nop endbr64 bswap leave
    cmove cmovne cmovb cmovae cmova cmovbe cmovl cmovge cmovg cmovle cmovs cmovns cmovp cmovnp
    cmovo cmovno shl shr sal sar sarx shlx shrx rol ror rorx shld shrd bt bts btr btc blsr blsi
    blsmsk bextr bzhi tzcnt lzcnt bsf bsr popcnt
    prefetcht1 int3 jmp je jne jb jae ja jbe jl jge jg jle js jns jp jnp jo jno call ret
"""
VECTOR = re.compile(  # SSE, AVX, AVX-512: moves, arithmetic, compares, conversions, shuffles
    r"v?(mov|add|sub|mul|div|sqrt|min|max|and|or|xor|cmp|u?comis|cvt|round|rndscale|shuf|unpck|"
    r"blend|p(gather|scatter|mask|add|sub|mul|madd|min|max|and|or|xor|cmp|s[lr][lar]|shuf|"
    r"unpck|ack|blend|mov|abs|"
    r"insr|extr|broadcast|erm|alignr|test|ternlog|sign|avg|sad|rol|ror|lzcnt|opcnt|expand|"
    r"compress|conflict|abs|hadd|hmin)|insert|extract|broadcast|perm|test|range|reduce|scalef|"
    r"getexp|getmant|fixupimm|fpclass|haddp|hsubp|addsubp|mask|gather|scatter|zero|align|compress|"
    r"expand|lddqu|dpp|mpsad|db|ternlog|xorp|andnp|andp|orp)"
)
MASK = re.compile(r"k(mov|and|andn|or|xor|xnor|not|shift[lr]|test|ortest|unpck|add)[bwdq]+")
REPEATED = ("stosb", "stosd", "stosq", "movsb", "movsd", "movsq")
ALLOWED = frozenset(INTEGER.split())


@cache
def decoder() -> Any:
    found = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    found.detail = True
    return found


def image_of(kernel: VerifiedKernel, cpu: str, attempt: int) -> KernelImage:
    """What the compile box makes of a kernel with its defaults."""
    values = tuple(tuple(p.default) or (1,) * max(1, p.length) for p in kernel.kernel.parameters)
    ir = lower(kernel, values, blind=min(attempt, 3), target=VECTOR_TARGETS[cpu]).ir
    return emit(ir, cpu, attempt, EXTERNALS)


def look(image: KernelImage) -> int:
    """Read all of a kernel's code; gives the number of instructions."""
    end = KERNEL + len(image.text)
    position = KERNEL
    instructions = list(decoder().disasm(image.text, KERNEL))
    starts = {instruction.address for instruction in instructions}
    tables = jump_targets(image)
    for instruction in instructions:
        assert instruction.address == position, f"a gap at {position:#x}"
        position += instruction.size
        words = instruction.mnemonic.split()
        name = words[-1]
        repeated = words[0] == "rep" and name in REPEATED
        assert repeated or set(words[:-1]) <= {"notrack"}, instruction.mnemonic
        known = repeated or name in ALLOWED or VECTOR.match(name) or MASK.fullmatch(name)
        assert known, f"{instruction.mnemonic} {instruction.op_str}"
        if instruction.group(capstone.CS_GRP_JUMP) or instruction.group(capstone.CS_GRP_CALL):
            operand = instruction.operands[0]
            if operand.type == capstone.x86.X86_OP_IMM:
                assert operand.imm in starts or operand.imm in EXTERNALS.values(), hex(operand.imm)
            else:
                assert name == "jmp", instruction.op_str
                assert tables, "an indirect jump without a table"
                assert tables <= starts
    assert position == end, f"bytes after {position:#x} are no instructions"
    return len(instructions)


def jump_targets(image: KernelImage) -> set[int]:
    """Addresses in the constants that lie in the code: what jump tables hold."""
    data = image.constants
    begin = constants_address(image.text)
    found = set()
    for offset in range(0, len(data) - 3, 4):
        word = int.from_bytes(data[offset : offset + 8], "little")
        if KERNEL <= word < KERNEL + len(image.text):
            found.add(word)
    assert begin > KERNEL
    return found


@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path: Path, cpu: str) -> None:
    for kernel in verify(compile_path(path).encoded).kernels.values():
        for attempt in range(backend.ATTEMPTS):
            image = image_of(kernel, cpu, attempt)
            count("instructions looked at", look(image))
            count("kernels looked at")


@pytest.mark.parametrize("make", kernels.ALL, ids=lambda make: make.__name__)
def test_handmade_kernels(make: kernels.Maker) -> None:
    for cpu in LEVELS:
        count("instructions looked at", look(image_of(make(), cpu, 0)))
        count("kernels looked at")


@pytest.mark.parametrize("cpu", LEVELS)
def test_wavefronts(cpu: str) -> None:
    for kernel in verify(compile_path(WAVES).encoded).kernels.values():
        count("instructions looked at", look(image_of(kernel, cpu, 0)))
        count("kernels looked at")


@pytest.mark.fuzz
@given(modules())
def test_random_kernels(module: Module) -> None:
    for kernel in verify(codec.encode(module)).kernels.values():
        image = image_of(kernel, LEVELS[len(kernel.kernel.code) % 3], 0)
        count("instructions looked at", look(image))
        count("kernels looked at")
