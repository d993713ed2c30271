"""seccomp-BPF: a small assembler for system-call filters, and how to install one on oneself.

Used by the compile box, which needs more calls than a strict child: memory, but never executable
memory; no files, no network, no processes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable

AUDIT_ARCH_X86_64 = 0xC000003E
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, AND, GIVE = 0x20, 0x15, 0x54, 0x06
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
PROT_EXEC = 4
PROTECTION_OFFSET = 16 + 8 * 2  # low half of the third argument in struct seccomp_data

Step = tuple[int, int, int, int]


def assemble(
    allowed: Iterable[int], without_exec: Iterable[int], refused: Iterable[int]
) -> list[Step]:
    """A filter: `allowed` calls pass, `without_exec` (mmap, mprotect) pass unless they ask for
    executable memory, `refused` fail with EPERM, every other call kills the process.
    """
    steps: list[Step] = [
        (LOAD, 0, 0, 4),
        (EQUAL, 1, 0, AUDIT_ARCH_X86_64),
        (GIVE, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, 0),
    ]
    for number in allowed:
        steps += [(EQUAL, 0, 1, number), (GIVE, 0, 0, ALLOW)]
    for number in refused:
        steps += [(EQUAL, 0, 1, number), (GIVE, 0, 0, ERRNO | errno.EPERM)]
    for number in without_exec:
        steps += [
            (EQUAL, 0, 5, number),
            (LOAD, 0, 0, PROTECTION_OFFSET),
            (AND, 0, 0, PROT_EXEC),
            (EQUAL, 0, 1, 0),
            (GIVE, 0, 0, ALLOW),
            (GIVE, 0, 0, KILL_PROCESS),
        ]
    return [*steps, (GIVE, 0, 0, KILL_PROCESS)]


def install(steps: list[Step]) -> None:
    """Confine this thread, for good. Raises `OSError`."""
    code = b"".join(struct.pack("<HBBI", *step) for step in steps)
    program = ctypes.create_string_buffer(code, len(code))
    pointer = ctypes.addressof(program)
    header = ctypes.create_string_buffer(struct.pack("<H6xQ", len(steps), pointer), 16)
    libc = ctypes.CDLL(None, use_errno=True)
    _prctl(libc, PR_SET_NO_NEW_PRIVS, 1, 0)
    _prctl(libc, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(header))


def _prctl(libc: ctypes.CDLL, option: int, second: int, third: int) -> None:
    words = [ctypes.c_ulong(value) for value in (second, third, 0, 0)]
    if libc.prctl(option, *words):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def die_with_parent(parent: int) -> None:
    """Ask for SIGKILL when the parent ends; exits at once if it already has."""
    libc = ctypes.CDLL(None, use_errno=True)
    _prctl(libc, 1, 9, 0)
    if os.getppid() != parent:
        os._exit(1)
