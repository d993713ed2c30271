"""Helpers of the sandbox tests: children from machine code, leaks, subprocesses."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vm
from vm.jit.image import ARENA, KernelImage
from vm.sandbox import capability
from vm.sandbox.child import StrictChild, program_file
from vm.sandbox.elf import write_elf
from vm.sandbox.hostile import ARENA_BYTES, RETURN, system_call

ROOT = Path(vm.__file__).resolve().parents[1]
needs_native = pytest.mark.skipif(
    not capability.check().is_native, reason=f"no native runs here: {capability.check().problem}"
)

FOREVER = b"\xeb\xfe"
ZERO = b"\x31\xc0"
ANSWER_0 = ZERO + RETURN


def write_arena(count: int) -> bytes:
    """Write the arena's first bytes to the reply pipe, and go on."""
    return system_call(1, 1, ARENA, count)[: -len(RETURN)]


@contextlib.contextmanager
def child_of(
    code: bytes, constants: bytes = b"", arena_bytes: int = ARENA_BYTES
) -> Iterator[StrictChild]:
    """A strict child with this kernel."""
    program = program_file(write_elf(KernelImage(code, constants)))
    try:
        with StrictChild(program, arena_bytes) as child:
            yield child
    finally:
        os.close(program)


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def is_alive(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_gone(pid: int, seconds: float = 10.0) -> bool:
    """Whether a process ends soon."""
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def children_of(pid: int) -> list[int]:
    """The direct children of a process, zombies too."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == pid:
                    found.append(int(entry.name))
    return found


def in_subprocess(code: str, seconds: float = 120.0) -> Any:
    """Run Python code in a process of its own; the JSON it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def no_leak() -> Iterator[None]:
    """Nothing is left behind: no process, no zombie, no descriptor."""
    before, family = descriptors(), set(children_of(os.getpid()))
    yield
    assert descriptors() == before
    assert set(children_of(os.getpid())) <= family
