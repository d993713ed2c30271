"""Source files and places in them."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from vm.errors import CPUShareError

SOURCE_BYTES = 1 << 20
"""The largest source file that is read."""


class SourceError(CPUShareError):
    """A file that is not source: too large, or not UTF-8. Its text is one sentence."""


class Source(Struct, frozen=True, eq=False, dict=True):
    """One source file: the name diagnostics show, its text, its path if it has one.

    `sha256` is that of its bytes, in hex. Sources are compared by identity.
    """

    name: str
    text: str
    path: Path | None = None
    sha256: str = ""

    @classmethod
    def from_text(cls, name: str, text: str, path: Path | None = None) -> Source:
        """A source from text; raises `SourceError` if it is too large."""
        data = text.encode("utf-8", "surrogatepass")
        return cls._from_bytes(name, data, path)

    @classmethod
    def from_path(cls, path: Path | str, name: str | None = None) -> Source:
        """Read a file. Raises `OSError`, and `SourceError` if it is too large or not UTF-8."""
        path = Path(path)
        with path.open("rb") as file:
            data = file.read(SOURCE_BYTES + 1)
        return cls._from_bytes(name or str(path), data, path)

    @classmethod
    def _from_bytes(cls, name: str, data: bytes, path: Path | None) -> Source:
        if len(data) > SOURCE_BYTES:
            raise SourceError(f"{name} is larger than {SOURCE_BYTES // 1024} KiB of source")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise SourceError(f"{name} is not UTF-8 text (line {line})") from None
        return cls(name, text, path, hashlib.sha256(data).hexdigest())

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character offset."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """The text of a line (from 1), without its end."""
        start = self._line_starts[line - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")

    def line_span(self, line: int) -> Span:
        """A line (from 1) without its indentation."""
        text = self.line_text(line)
        start = self._line_starts[line - 1] + len(text) - len(text.lstrip())
        return Span(self, start, start + max(1, len(text.strip())))


class Span(Struct, frozen=True):
    """The characters `start <= i < end` of a source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """The line it starts on, from 1."""
        return self.source.position(self.start)[0]

    @property
    def text(self) -> str:
        """What it covers."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of another one of the same source."""
        return Span(self.source, self.start, other.end)

    def __str__(self) -> str:
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"
