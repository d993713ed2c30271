"""What a native kernel returns when it traps: one word that says which trap, and where.

The word stands in the code as a constant that the bytecode's author chooses, in part: by where in
the code an instruction stands. So each hexadecimal digit of the position has a byte of its own,
0x40 to 0x4f, and the trap's number the byte above them: no word holds the bytes of a forbidden
instruction (`vm.jit.audit`), wherever the trap is.
"""

from __future__ import annotations

from vm.limits import INSTRUCTIONS
from vm.module import TRAP_BY_NUMBER, TrapCode

DIGITS = 4
assert INSTRUCTIONS <= 1 << 4 * DIGITS


def encode(trap: TrapCode, position: int) -> int:
    """The word for a trap at an instruction."""
    digits = (position >> 4 * digit & 0xF for digit in range(DIGITS))
    word = sum((0x40 | value) << 8 * place for place, value in enumerate(digits))
    return trap.number << 8 * DIGITS | word


def decode(word: int) -> tuple[TrapCode, int] | None:
    """The trap and the instruction that a word stands for; None if it is no such word."""
    trap = TRAP_BY_NUMBER.get(word >> 8 * DIGITS)
    places = [word >> 8 * place & 0xFF for place in range(DIGITS)]
    if trap is None or any(byte >> 4 != 4 for byte in places):
        return None
    return trap, sum((byte & 0xF) << 4 * place for place, byte in enumerate(places))
