"""Whether this machine can confine a child, found out by confining one."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path

from msgspec import Struct

from vm.errors import CPUShareError, SandboxUnavailable

# Flags of /proc/cpuinfo that make up the levels of the x86-64 psABI.
LEVEL_2 = {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"}
LEVEL_3 = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}
LEVEL_4 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}


class Capability(Struct, frozen=True):
    """What holds here. `problem` says why native runs are refused and what to change, or "".

    `mode` is how a child is confined ("strict" or "filter"); `missing` are hardenings that this
    kernel lacks.
    """

    cpu: str
    mode: str
    missing: tuple[str, ...]
    problem: str

    @property
    def is_native(self) -> bool:
        """Whether kernels can run natively."""
        return not self.problem


@cache
def cpu_level() -> str | None:
    """The highest of x86-64-v2, -v3, -v4 that this processor has; None below v2."""
    try:
        with Path("/proc/cpuinfo").open() as lines:  # not to the end: it says the same of each core
            flags = next((set(line.split()) for line in lines if line.startswith("flags")), set())
    except OSError:
        return None
    level = None
    for name, needed in (("x86-64-v2", LEVEL_2), ("x86-64-v3", LEVEL_3), ("x86-64-v4", LEVEL_4)):
        if not needed <= flags:
            break
        level = name
    return level


def _obstacle() -> str:
    """Why no child can even be tried here, and what to change; "" if it can."""
    if sys.platform != "linux":
        return f"native runs need Linux, not {platform.system()}; use --interpret"
    if platform.machine() not in ("x86_64", "AMD64"):
        return f"native runs need an x86-64 processor, not {platform.machine()}; use --interpret"
    if not Path("/proc/self/status").exists():
        return "/proc is not mounted: mount -t proc proc /proc"
    if cpu_level() is None:
        return "native runs need a processor of level x86-64-v2 (SSE4.2, about 2009 and later)"
    if not hasattr(os, "memfd_create"):
        return "this Python lacks os.memfd_create; use one built for Linux 3.17 or later"
    return ""


@cache
def check() -> Capability:
    """Confine a harmless child and look; never raises."""
    problem = _obstacle()
    if problem:
        return Capability(cpu_level() or "unknown", "", (), problem)
    from vm.sandbox.child import StrictChild, program_file
    from vm.sandbox.elf import write_elf
    from vm.sandbox.hostile import ARENA_BYTES, HARMLESS
    from vm.sandbox.launcher import HARDENING

    cpu = cpu_level() or ""
    program = -1
    try:
        program = program_file(write_elf(HARMLESS.image))
        with StrictChild(program, ARENA_BYTES) as child:
            child.run([])
            missing = tuple(name for name in HARDENING if name not in child.hardening)
            return Capability(cpu, child.mode, missing, "")
    except (CPUShareError, OSError) as error:
        return Capability(cpu, "", (), f"a child could not be confined: {error}")
    finally:
        if program >= 0:
            os.close(program)


def require_native() -> Capability:
    """The capability of this machine; raises `SandboxUnavailable` if it cannot confine a child."""
    found = check()
    if found.problem:
        raise SandboxUnavailable(found.problem)
    return found
