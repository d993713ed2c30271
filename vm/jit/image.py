"""The shape of a native program: fixed addresses, and what the linker hands to the sandbox.

0x400000  ELF header (not mapped as code)
0x401000  the launcher, one page: ours, the same in every program
0x402000  the kernel: begins with a jump to its entry
...       constants, on pages of their own, not executable
"""

from __future__ import annotations

from msgspec import Struct

PAGE = 4096
BASE = 0x400000
LAUNCHER = BASE + PAGE
KERNEL = LAUNCHER + PAGE
ARENA = 0x1_0000_0000
TEXT_BYTES = 4 << 20
CONSTANT_BYTES = 4 << 20


class KernelImage(Struct, frozen=True):
    """A linked kernel: code to be mapped at `KERNEL`, constants at the next page after it."""

    text: bytes
    constants: bytes


def constants_address(text: bytes) -> int:
    """Where the constants of a kernel with this code are mapped."""
    return KERNEL + len(text) + -len(text) % PAGE
