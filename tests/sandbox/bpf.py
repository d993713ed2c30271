"""A tiny interpreter of classic BPF, to say what a system-call filter decides."""

from __future__ import annotations

import struct

X86_64 = 0xC000003E
ALLOW, KILL_PROCESS, ERRNO_EPERM = 0x7FFF0000, 0x80000000, 0x00050001
Step = tuple[int, int, int, int]


def steps_of(words: list[int]) -> list[Step]:
    """struct sock_filter words as (code, jt, jf, k)."""
    return [struct.unpack("<HBBI", struct.pack("<Q", word)) for word in words]


def decide(
    steps: list[Step], number: int, arguments: tuple[int, ...] = (), architecture: int = X86_64
) -> int:
    """What the filter returns for a call."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *padded)
    accumulator, at = 0, 0
    while True:
        code, jump_true, jump_false, value = steps[at]
        at += 1
        if code == 0x20:  # BPF_LD | BPF_W | BPF_ABS
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == 0x15:  # BPF_JMP | BPF_JEQ | BPF_K
            at += jump_true if accumulator == value else jump_false
        elif code == 0x54:  # BPF_ALU | BPF_AND | BPF_K
            accumulator &= value
        elif code == 0x06:  # BPF_RET | BPF_K
            return value
        else:
            raise AssertionError(f"instruction {code:#x}")
