"""Reading and writing the primitives of the encoding: varints, strings, raw scalars.

A varint is LEB128: seven bits a byte, least significant first, the top bit set on all but the
last; only the shortest form is accepted. A signed number is zigzag-coded into a varint: 0, -1, 1,
-2 … become 0, 1, 2, 3 …
"""

from __future__ import annotations

import re

from vm.errors import Malformed
from vm.types import ScalarType

VARINT_BYTES = 10
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# Written out, not taken from the Unicode tables of this Python: what is a module must not depend
# on the machine that reads it.
FORBIDDEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters: terminal escapes
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # bidi
    "\ud800-\udfff\ufffe\uffff"  # surrogates and noncharacters
    "\ue000-\uf8ff\U000f0000-\U0010ffff\U000e0000-\U000e0fff"  # private use, tags
    "]"
)


class Writer:
    """Collects the bytes of an encoding."""

    def __init__(self) -> None:
        self.data = bytearray()

    def varint(self, value: int) -> None:
        """A number in 0..2^64."""
        assert 0 <= value < 1 << 64
        while value >= 0x80:
            self.data.append(value & 0x7F | 0x80)
            value >>= 7
        self.data.append(value)

    def signed(self, value: int) -> None:
        """A number in -2^63..2^63."""
        self.varint(value << 1 if value >= 0 else (-value << 1) - 1)

    def string(self, text: str) -> None:
        """Length in bytes, then UTF-8."""
        data = text.encode()
        self.varint(len(data))
        self.data += data

    def raw(self, scalar: ScalarType, value: int) -> None:
        """A scalar as a module keeps it: floats as fixed little-endian bytes, the rest varints."""
        if scalar.is_float:
            self.data += value.to_bytes(scalar.size_bytes, "little")
        elif scalar.is_signed:
            self.signed(value)
        else:
            self.varint(value)


class Reader:
    """Takes the primitives off a byte string. Every failure is `Malformed` with its offset."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def fail(self, message: str) -> Malformed:
        """The error to raise, at the place reached."""
        return Malformed(message, self.offset)

    def bytes(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count > len(self.data) - self.offset:
            raise self.fail("the data ends too early")
        taken = self.data[self.offset : self.offset + count]
        self.offset += count
        return taken

    def varint(self, most: int = (1 << 64) - 1) -> int:
        """A number in 0..=most, in its shortest form."""
        start, value = self.offset, 0
        for shift in range(0, 7 * VARINT_BYTES, 7):
            byte = self.bytes(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0 and shift:
                    raise Malformed("a number is not in its shortest form", start)
                if value > most:
                    raise Malformed(f"{value} is above {most}", start)
                return value
        raise Malformed("a number is too long", start)

    def signed(self) -> int:
        """A number in -2^63..2^63."""
        value = self.varint()
        return value >> 1 if value & 1 == 0 else -((value + 1) >> 1)

    def string(self, most_chars: int, newlines: bool = False) -> str:
        """Text without control characters (`newlines` admits line feeds)."""
        start = self.offset
        length = self.varint(4 * most_chars)
        try:
            text = self.bytes(length).decode()
        except UnicodeDecodeError:
            raise Malformed("text is not UTF-8", start) from None
        problem = text_problem(text, most_chars, newlines)
        if problem:
            raise Malformed(problem, start)
        return text

    def identifier(self, most_chars: int) -> str:
        """A name: letters, digits and underscores, no digit first."""
        start = self.offset
        text = self.string(most_chars)
        if not IDENTIFIER.match(text):
            raise Malformed(f"{text!r} is no name", start)
        return text

    def raw(self, scalar: ScalarType) -> int:
        """A scalar as a module keeps it. Ranges of integers are checked by the verifier."""
        if scalar.is_float:
            return int.from_bytes(self.bytes(scalar.size_bytes), "little")
        return self.signed() if scalar.is_signed else self.varint()


def text_problem(text: str, most_chars: int, newlines: bool = False) -> str | None:
    """Why a text may not stand in a module: too long, or with characters that steer terminals.

    Control and format characters (terminal escapes, bidirectional overrides), private ones,
    surrogates and line separators are refused.
    """
    if len(text) > most_chars:
        return f"text is longer than {most_chars} characters"
    found = FORBIDDEN.search(text.replace("\n", "") if newlines else text)
    return f"text has the control character U+{ord(found[0]):04X}" if found else None
