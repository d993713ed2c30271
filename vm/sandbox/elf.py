"""The file a strict child is started from: launcher and kernel as a static ELF.

The caller writes it, not the compile box: the launcher in it is ours by construction.

    page 0   header, mapped nowhere
    RX       launcher page, then the kernel's code
    R        the kernel's constants, if it has any
    stack    not executable
"""

from __future__ import annotations

import struct

from vm.jit.image import LAUNCHER, PAGE, KernelImage, constants_address
from vm.sandbox.launcher_code import CODE, OFFSETS

ET_EXEC, EM_X86_64 = 2, 62
PT_LOAD, PT_GNU_STACK = 1, 0x6474E551
PF_X, PF_W, PF_R = 1, 2, 4
EXTERNALS = {name: LAUNCHER + OFFSETS[name] for name in ("memset", "memcpy")}
"""Addresses of what native kernels may call."""


def write_elf(kernel: KernelImage) -> bytes:
    """The bytes of the executable."""
    assert len(CODE) <= PAGE
    code = CODE.ljust(PAGE, b"\xcc") + kernel.text
    constants_at = PAGE + len(code) + -len(code) % PAGE
    segments = [_segment(PT_LOAD, PF_R | PF_X, PAGE, LAUNCHER, len(code), PAGE)]
    if kernel.constants:
        address = constants_address(kernel.text)
        size = len(kernel.constants)
        segments.append(_segment(PT_LOAD, PF_R, constants_at, address, size, PAGE))
    segments.append(_segment(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 16))
    header = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    header += struct.pack(
        "<HHIQQQIHHHHHH",
        ET_EXEC, EM_X86_64, 1, LAUNCHER + OFFSETS["_start"], 64, 0, 0,
        64, 56, len(segments), 0, 0, 0,
    )  # fmt: skip
    image = (header + b"".join(segments)).ljust(PAGE, b"\0") + code
    return image.ljust(constants_at, b"\0") + kernel.constants if kernel.constants else image


def _segment(kind: int, flags: int, offset: int, address: int, size: int, align: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, flags, offset, address, address, size, size, align)
