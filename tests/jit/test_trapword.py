"""The word of a trap: says which and where, and never looks like a forbidden instruction."""

from __future__ import annotations

from vm.jit import trapword
from vm.jit.audit import find_forbidden
from vm.limits import INSTRUCTIONS
from vm.module import TrapCode


def test_every_trap_at_every_place_comes_back() -> None:
    for position in (*range(0, INSTRUCTIONS, 7), INSTRUCTIONS - 1):
        for trap in TrapCode:
            word = trapword.encode(trap, position)
            assert trapword.decode(word) == (trap, position)
            assert 0 < word < 1 << 63


def test_no_word_holds_forbidden_bytes() -> None:
    """As it stands in `mov rax, imm64`, wherever the trap is."""
    for position in range(INSTRUCTIONS):
        for trap in (TrapCode.PIXEL, TrapCode.REQUIRE, TrapCode.WRAP):
            code = b"\x48\xb8" + trapword.encode(trap, position).to_bytes(8, "little") + b"\xc3"
            assert not find_forbidden(code), position


def test_other_words_mean_nothing() -> None:
    for word in (0, 1, -1, 1 << 32, 0x8_4040_4040, 0x1_4040_4030, 0x1_5040_4040, 1 << 63):
        assert trapword.decode(word) is None
