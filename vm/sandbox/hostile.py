"""Hostile native kernels: what somebody might run who had beaten verifier, JIT and LLVM.

Each is machine code, written out here; none of it ever passes through the verifier or the
compile box. They are run by `cpsc doctor` and by the tests, in strict children like any other
kernel, and each must end without an answer.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from vm.jit.image import ARENA, KERNEL, KernelImage

ARENA_BYTES = 1 << 20
RETURN = b"\xc3"


class Hostile(Struct, frozen=True):
    """A hostile kernel: its name, what it tries, its machine code."""

    name: str
    what: str
    code: bytes

    @property
    def image(self) -> KernelImage:
        """The kernel as the linker would have made it."""
        return KernelImage(self.code, b"")


def _set(opcode: bytes, value: int) -> bytes:
    """Mov register, imm64."""
    return opcode + struct.pack("<Q", value & (1 << 64) - 1)


def system_call(number: int, *arguments: int) -> bytes:
    """Machine code that makes a system call and returns what it gives."""
    registers = (b"\x48\xbf", b"\x48\xbe", b"\x48\xba", b"\x49\xba", b"\x49\xb8", b"\x49\xb9")
    padded = [*arguments, *[0] * (6 - len(arguments))]
    loads = b"".join(_set(r, v) for r, v in zip(registers, padded, strict=True))
    return loads + _set(b"\x48\xb8", number) + b"\x0f\x05" + RETURN


def _access(address: int, operation: bytes) -> bytes:
    """Mov rax, address; an operation on [rax]; ret."""
    return _set(b"\x48\xb8", address) + operation + RETURN


_STORE, _LOAD, _CALL = b"\xc6\x00\x01", b"\x8a\x00", b"\xff\xd0"
_SYSTEM_CALLS = [
    ("open", "open a file", 2, (ARENA, 0, 0)),
    ("openat", "open a file below the working directory", 257, (-100, ARENA, 0, 0)),
    ("socket", "make a network socket", 41, (2, 1, 0)),
    ("mmap", "map writable, executable memory", 9, (0, 4096, 7, 0x22, -1, 0)),
    ("mprotect", "make the arena executable", 10, (ARENA, 4096, 7)),
    ("fork", "start a process", 57, ()),
    ("clone3", "start a thread", 435, (ARENA, 64)),
    ("execve", "become another program", 59, (ARENA, 0, 0)),
    ("ptrace", "look into another process", 101, (16, 1)),
    ("kill", "end another process", 62, (1, 9)),
    ("io_uring_setup", "make system calls through a ring", 425, (1, ARENA)),
    ("getpid", "ask for its own number", 39, ()),
    ("exit_group", "leave by another door", 231, (0,)),
    ("close", "close a descriptor", 3, (0,)),
    ("prctl", "switch the clock instructions on again", 157, (26, 1)),
    ("brk", "take more memory", 12, (0,)),
    ("futex", "wait for another thread", 202, (ARENA, 0, 0)),
    ("nanosleep", "sleep", 35, (ARENA, 0)),
    ("x32 getpid", "use the x32 entry", 0x40000000 + 39, ()),
    ("personality", "change its execution domain", 135, (0,)),
    ("userfaultfd", "handle page faults", 323, (0,)),
    ("process_vm_readv", "read another process's memory", 310, (1, ARENA, 1, ARENA, 1, 0)),
    ("sigreturn", "load registers from a forged frame", 15, ()),
    ("seccomp", "loosen its own confinement", 317, (0, 0, 0)),
]
_RECURSE = b"\x48\x81\xec\x00\x10\x00\x00\xc6\x04\x24\x01"

HOSTILE = [
    *(Hostile(name, what, system_call(n, *args)) for name, what, n, args in _SYSTEM_CALLS),
    Hostile("int 0x80", "open a file by the 32-bit entry", b"\xb8\x05\0\0\0\xcd\x80" + RETURN),
    Hostile("vsyscall", "ask the time by the old fixed page", _access(0xFFFFFFFFFF600000, _CALL)),
    Hostile("rdtsc", "read the clock", b"\x0f\x31" + RETURN),
    Hostile("rdtscp", "read the clock and the processor's number", b"\x0f\x01\xf9" + RETURN),
    Hostile("store outside", "write past the arena", _access(ARENA + ARENA_BYTES, _STORE)),
    Hostile("load outside", "read before the arena", _access(ARENA - 1, _LOAD)),
    Hostile("write code", "change its own code", _access(KERNEL, _STORE)),
    Hostile("jump to data", "run code it wrote", _access(ARENA, b"\xc6\x00\xc3\xff\xd0")),
    Hostile("divide by zero", "divide by zero", b"\x31\xc9\xb8\1\0\0\0\x31\xd2\xf7\xf1" + RETURN),
    Hostile("recurse", "use up the stack", _RECURSE + b"\xe8" + struct.pack("<i", -16)),
    Hostile("illegal", "run an undefined instruction", b"\x0f\x0b"),
    Hostile("endless loop", "never end", b"\xeb\xfe"),
]
HARMLESS = Hostile("harmless", "do nothing and answer", b"\x31\xc0" + RETURN)
