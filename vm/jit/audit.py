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

from msgspec import Struct


class Finding(Struct, frozen=True):
    """A forbidden encoding: its name, and its offset in the code."""

    name: str
    offset: int


def _modrm(*, reg: int, memory: bool, register: bool) -> bytes:
    """A character class of the ModRM bytes with this reg field."""
    kept = [
        byte
        for byte in range(256)
        if byte >> 3 & 7 == reg and (register if byte >= 0xC0 else memory)
    ]
    return b"[" + b"".join(re.escape(bytes([byte])) for byte in kept) + b"]"


def _memory(reg: int) -> bytes:
    return _modrm(reg=reg, memory=True, register=False)


def _register(reg: int) -> bytes:
    return _modrm(reg=reg, memory=False, register=True)


def _either(reg: int) -> bytes:
    return _modrm(reg=reg, memory=True, register=True)


def _prefixed(mandatory: bytes) -> bytes:
    """A mandatory prefix and what may stand between it and the opcode: other prefixes, REX."""
    return mandatory + b"[\x26\x2e\x36\x3e\x40-\x4f\x64-\x67\xf0\xf2\xf3]{0,13}"


TAIL = bytes(15)  # an instruction may begin in the last byte and go on in the page's filler
FORBIDDEN: dict[str, bytes] = {
    "syscall": b"\x0f\x05",
    "sysenter": b"\x0f\x34",
    "sysret": b"\x0f\x07",
    "int 0x80": b"\xcd\x80",
    "rdtsc": b"\x0f\x31",
    "sgdt": b"\x0f\x01" + _memory(0),
    "sidt": b"\x0f\x01" + _memory(1),
    "smsw": b"\x0f\x01" + _either(4),
    "vmcall": b"\x0f\x01\xc1",
    "xgetbv": b"\x0f\x01\xd0",
    "vmfunc": b"\x0f\x01\xd4",
    "xend": b"\x0f\x01\xd5",
    "xtest": b"\x0f\x01\xd6",
    "enclu": b"\x0f\x01\xd7",
    "vmmcall": b"\x0f\x01\xd9",
    "rdpkru": b"\x0f\x01\xee",
    "wrpkru": b"\x0f\x01\xef",
    "rdtscp": b"\x0f\x01\xf9",
    "monitorx": b"\x0f\x01\xfa",
    "mwaitx": b"\x0f\x01\xfb",
    "rdpru": b"\x0f\x01\xfd",
    "rdpmc": b"\x0f\x33",
    "cpuid": b"\x0f\xa2",
    "lar": b"\x0f\x02",
    "lsl": b"\x0f\x03",
    "rdrand": b"\x0f\xc7" + _register(6),
    "rdseed, rdpid": b"\x0f\xc7" + _register(7),
    "xsavec": b"\x0f\xc7" + _memory(4),
    "xsaves": b"\x0f\xc7" + _memory(5),
    "xrstors": b"\x0f\xc7" + _memory(3),
    "fxsave": b"\x0f\xae" + _memory(0),
    "xsave": b"\x0f\xae" + _memory(4),
    "xrstor": b"\x0f\xae" + _memory(5),
    "xsaveopt, clwb": b"\x0f\xae" + _memory(6),
    "clflush": b"\x0f\xae" + _memory(7),
    "rdfsbase": _prefixed(b"\xf3") + b"\x0f\xae" + _register(0),
    "rdgsbase": _prefixed(b"\xf3") + b"\x0f\xae" + _register(1),
    "wrfsbase": _prefixed(b"\xf3") + b"\x0f\xae" + _register(2),
    "wrgsbase": _prefixed(b"\xf3") + b"\x0f\xae" + _register(3),
    "umonitor, umwait, tpause": _prefixed(b"[\x66\xf2\xf3]") + b"\x0f\xae" + _register(6),
    "xbegin": b"\xc7\xf8",
}
PATTERNS = {name: re.compile(b"(?=" + code + b")", re.DOTALL) for name, code in FORBIDDEN.items()}


def find_forbidden(text: bytes) -> list[Finding]:
    """Every forbidden encoding in some code, by offset."""
    found = [
        Finding(name, match.start())
        for name, pattern in PATTERNS.items()
        for match in pattern.finditer(text + TAIL)
    ]
    return sorted(found, key=lambda finding: finding.offset)
