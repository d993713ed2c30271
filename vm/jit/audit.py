"""The byte audit: no executable byte of a kernel may begin an instruction it must not have.

A strict child cannot make system calls beyond four, and the kernel turns clock instructions into
signals. What would still run (cpuid, rdrand, xgetbv …), and what would leave the process, is
searched for here at every offset, since a jump may land anywhere, and into the zero bytes that
fill the last page. The launcher is not searched: it is ours, and put there by the caller, not by
the compile box.

Encodings are those of the Intel 64 manual, volume 2. Not among them: in and out, which fault,
and sldt and str (0f 00), which tell the same two numbers on every Linux, and whose bytes stand in
every jump over 15 bytes and every 16-bit constant 15.
"""

from __future__ import annotations

import re
from functools import cache

from msgspec import Struct


class Finding(Struct, frozen=True):
    """A forbidden encoding: its name, and its offset in the code."""

    name: str
    offset: int


class Encoding(Struct, frozen=True):
    """Bytes that may not stand in code, as a regular expression.

    With `mandatory`, a class of prefixes, only behind one of them: other prefixes, REX too, may
    stand between.
    """

    code: bytes
    mandatory: bytes = b""

    @property
    def whole(self) -> bytes:
        """The expression with its prefix."""
        between = b"[\x26\x2e\x36\x3e\x40-\x4f\x64-\x67\xf0\xf2\xf3]{0,13}"
        return self.mandatory + between + self.code if self.mandatory else self.code


def _modrm(*, reg: int, memory: bool, register: bool) -> bytes:
    """A character class of the ModRM bytes with this reg field."""
    firsts = [mod << 6 | reg << 3 for mod in range(4) if (register if mod == 3 else memory)]
    return b"[" + b"".join(b"\\x%02x-\\x%02x" % (first, first + 7) for first in firsts) + b"]"


def _memory(reg: int) -> bytes:
    return _modrm(reg=reg, memory=True, register=False)


def _register(reg: int) -> bytes:
    return _modrm(reg=reg, memory=False, register=True)


def _either(reg: int) -> bytes:
    return _modrm(reg=reg, memory=True, register=True)


TAIL = bytes(15)  # an instruction may begin in the last byte and go on in the page's filler
FORBIDDEN: dict[str, Encoding] = {
    "syscall": Encoding(b"\x0f\x05"),
    "sysenter": Encoding(b"\x0f\x34"),
    "sysret": Encoding(b"\x0f\x07"),
    "int 0x80": Encoding(b"\xcd\x80"),
    "rdtsc": Encoding(b"\x0f\x31"),
    "sgdt": Encoding(b"\x0f\x01" + _memory(0)),
    "sidt": Encoding(b"\x0f\x01" + _memory(1)),
    "smsw": Encoding(b"\x0f\x01" + _either(4)),
    "vmcall": Encoding(b"\x0f\x01\xc1"),
    "xgetbv": Encoding(b"\x0f\x01\xd0"),
    "vmfunc": Encoding(b"\x0f\x01\xd4"),
    "xend": Encoding(b"\x0f\x01\xd5"),
    "xtest": Encoding(b"\x0f\x01\xd6"),
    "enclu": Encoding(b"\x0f\x01\xd7"),
    "vmmcall": Encoding(b"\x0f\x01\xd9"),
    "rdpkru": Encoding(b"\x0f\x01\xee"),
    "wrpkru": Encoding(b"\x0f\x01\xef"),
    "rdtscp": Encoding(b"\x0f\x01\xf9"),
    "monitorx": Encoding(b"\x0f\x01\xfa"),
    "mwaitx": Encoding(b"\x0f\x01\xfb"),
    "rdpru": Encoding(b"\x0f\x01\xfd"),
    "rdpmc": Encoding(b"\x0f\x33"),
    "cpuid": Encoding(b"\x0f\xa2"),
    "lar": Encoding(b"\x0f\x02"),
    "lsl": Encoding(b"\x0f\x03"),
    "rdrand": Encoding(b"\x0f\xc7" + _register(6)),
    "rdseed, rdpid": Encoding(b"\x0f\xc7" + _register(7)),
    "xsavec": Encoding(b"\x0f\xc7" + _memory(4)),
    "xsaves": Encoding(b"\x0f\xc7" + _memory(5)),
    "xrstors": Encoding(b"\x0f\xc7" + _memory(3)),
    "fxsave": Encoding(b"\x0f\xae" + _memory(0)),
    "xsave": Encoding(b"\x0f\xae" + _memory(4)),
    "xrstor": Encoding(b"\x0f\xae" + _memory(5)),
    "xsaveopt, clwb": Encoding(b"\x0f\xae" + _memory(6)),
    "clflush": Encoding(b"\x0f\xae" + _memory(7)),
    "rdfsbase": Encoding(b"\x0f\xae" + _register(0), mandatory=b"\xf3"),
    "rdgsbase": Encoding(b"\x0f\xae" + _register(1), mandatory=b"\xf3"),
    "wrfsbase": Encoding(b"\x0f\xae" + _register(2), mandatory=b"\xf3"),
    "wrgsbase": Encoding(b"\x0f\xae" + _register(3), mandatory=b"\xf3"),
    "umonitor, umwait, tpause": Encoding(b"\x0f\xae" + _register(6), mandatory=b"[\x66\xf2\xf3]"),
    "xbegin": Encoding(b"\xc7\xf8"),
}
SUSPECT = re.compile(b"|".join(form.code for form in FORBIDDEN.values()), re.DOTALL)
"""Matches in all code in which any encoding matches, and seldom elsewhere: one quick pass."""


@cache
def _patterns() -> dict[str, re.Pattern[bytes]]:
    return {
        name: re.compile(b"(?=" + form.whole + b")", re.DOTALL) for name, form in FORBIDDEN.items()
    }


def find_forbidden(text: bytes) -> list[Finding]:
    """Every forbidden encoding in some code, by offset."""
    data = text + TAIL
    if not SUSPECT.search(data):
        return []
    found = [
        Finding(name, match.start())
        for name, pattern in _patterns().items()
        for match in pattern.finditer(data)
    ]
    return sorted(found, key=lambda finding: finding.offset)
