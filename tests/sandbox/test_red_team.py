"""Attacks on the child beyond the one kernel of each kind that `cpsc doctor` shows.

Verifier, JIT and LLVM are taken to be beaten: the attacker's machine code runs as it is.
"""

from __future__ import annotations

import os
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from compiler.pipeline import compile_path
from tests.counting import count
from tests.sandbox.children import ANSWER_0, child_of, needs_native
from vm.errors import SandboxBroken
from vm.jit.image import ARENA, KernelImage
from vm.sandbox.box import CompileBox
from vm.sandbox.cache import ObjectCache
from vm.sandbox.child import StrictChild, program_file
from vm.sandbox.elf import write_elf
from vm.sandbox.hostile import RETURN, system_call
from vm.sandbox.runner import NativeRunner
from vm.verifier import verify

pytestmark = needs_native
EXAMPLE = Path(__file__).parents[2] / "examples" / "dither.cps"
X32 = 0x40000000
OLD_FOUR = {1, 3, 4, 119}  # exit, read, write, sigreturn by the numbers of int 0x80


def dies(code: bytes) -> bool:
    """Whether a kernel ends without an answer."""
    program = program_file(write_elf(KernelImage(code, b"")))
    try:
        with StrictChild(program, 4096) as child:
            try:
                child.run([], deadline_cpu_s=0.2, wall_limit_s=2.0)
            except SandboxBroken:
                return True
            return False
    finally:
        os.close(program)


def old_call(number: int) -> bytes:
    """A system call through the 32-bit entry."""
    clear = b"\x31\xdb\x31\xc9\x31\xd2\x31\xf6\x31\xff"  # ebx, ecx, edx, esi, edi
    return b"\xb8" + struct.pack("<I", number) + clear + b"\xcd\x80" + RETURN


def test_every_call_by_the_32_bit_entry_kills() -> None:
    alive = [
        number for number in range(468) if number not in OLD_FOUR and not dies(old_call(number))
    ]
    assert alive == []
    count("system calls tried by int 0x80", 468)


def test_every_call_by_the_x32_entry_kills() -> None:
    alive = [number for number in range(601) if not dies(system_call(X32 | number))]
    assert alive == []
    count("system calls tried by the x32 entry", 601)


@pytest.mark.parametrize("offset", [0, 0x400, 0x800], ids=["gettimeofday", "time", "getcpu"])
def test_the_old_fixed_page_gives_nothing(offset: int) -> None:
    address = 0xFFFFFFFFFF600000 + offset
    assert dies(b"\x48\xb8" + struct.pack("<Q", address) + b"\xff\xd0" + RETURN)
    count("vsyscall entries tried")


@pytest.mark.parametrize("number", [-1, 1 << 31, (1 << 32) - 1, (1 << 63) - 1, 1 << 63 | 2])
def test_numbers_that_are_no_calls_kill(number: int) -> None:
    assert dies(system_call(number))
    count("system calls tried by odd numbers")


def test_registers_hold_nothing_of_the_start() -> None:
    """General registers hold small numbers or addresses that are the same in every child (the
    stack's is known to the kernel anyway), vector registers nothing.
    """
    stores = b""
    for index in range(16):  # mov [rdi + 8 * index], register
        rex = 0x48 | (4 if index >= 8 else 0)
        stores += bytes([rex, 0x89, 0x80 | (index & 7) << 3 | 7]) + struct.pack("<I", 8 * index)
    for index in range(16):  # movups [rdi + 256 + 16 * index], xmm
        rex = b"\x44" if index >= 8 else b""
        stores += rex + bytes([0x0F, 0x11, 0x80 | (index & 7) << 3 | 7])
        stores += struct.pack("<I", 256 + 16 * index)
    with child_of(stores + ANSWER_0) as child:
        assert child.run([5]) == 0
        seen = child.copy_out(0, 512)
    general = struct.unpack_from("<16Q", seen)
    assert general[7] == ARENA  # rdi
    stack = general[4]
    for index, value in enumerate(general):
        own = abs(value - stack) < 1 << 16 or 0x400000 <= value < 0x500000 or value == ARENA
        assert own or value < 1 << 16, (index, hex(value))
    assert not any(seen[256:512])
    count("registers looked at", 32)


def test_many_runs_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Eight children of one cache and one box, in threads; each gets its own pixels back."""
    verified = verify(compile_path(EXAMPLE).encoded)
    cache = ObjectCache(tmp_path / "cache")

    def run(seed: int) -> bool:
        image = np.random.default_rng(seed).integers(0, 256, (40 + seed, 60)).astype(np.uint8)
        given = {"threshold": 60 + seed}
        with (
            CompileBox() as box,
            NativeRunner(verified, "dither", given, box=box, cache=cache) as one,
        ):
            first = one.run({"src": image})["dst"]
            return all((one.run({"src": image})["dst"] == first).all() for _ in range(20))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(8)))
    count("concurrent runs", 168)
