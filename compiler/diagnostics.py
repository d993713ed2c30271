"""Diagnostics: what is wrong with a program, where, and what to do about it.

A `Diagnostics` collects them while a program is read; `CompileError` carries them out. Each has a
code of `compiler.catalogue`, a main span with a label, further labelled spans, notes and helps.
"""

from __future__ import annotations

import unicodedata
from typing import NoReturn

from msgspec import Struct, field

from compiler.source import Span
from vm.errors import CPUShareError

ERRORS = 50
"""How many errors are reported before the compiler gives up."""

TAB = "    "
LINE_WIDTH = 160
"""A source line longer than this is shown in part."""

Labelled = tuple[Span, str]


class Diagnostic(Struct, frozen=True):
    """One finding. `severity` is "error" or "warning"; `span` None concerns the whole program."""

    code: str
    message: str
    span: Span | None
    label: str = ""
    also: tuple[Labelled, ...] = ()
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    severity: str = "error"

    def render(self, colour: bool = False) -> str:
        """The diagnostic as text for people, several lines, no newline at the end."""
        paint = _Paint(colour)
        strong = "1;31" if self.severity == "error" else "1;33"
        head = paint(f"{self.severity}[{self.code}]", strong)
        lines = [head + paint(f": {_escape(self.message)}", "1")]
        places = ([(self.span, self.label)] if self.span else []) + list(self.also)
        margin = max((len(str(span.line)) for span, _ in places), default=1)
        last: Span | None = None
        for index, (span, label) in enumerate(places):
            excerpt = _excerpt(span, label, margin, strong if index == 0 else "", paint)
            if last is not None and (last.source, last.line) == (span.source, span.line):
                lines.append(excerpt[-1])
                continue
            arrow = "-->" if last is None or span.source is not last.source else ":::"
            lines.append(" " * margin + paint(arrow, "1;34") + f" {_escape(str(span))}")
            lines.extend(excerpt)
            last = span
        edge = " " * margin + paint(" = ", "1;34")
        lines.extend(f"{edge}{paint('help', '1;36')}: {_escape(text)}" for text in self.helps)
        lines.extend(f"{edge}{paint('note', '1')}: {_escape(text)}" for text in self.notes)
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """The diagnostic as plain data; lines and columns count from 1, ends are excluded."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "label": self.label,
            "place": _place(self.span) if self.span else None,
            "also": [{**_place(span), "label": label} for span, label in self.also],
            "notes": list(self.notes),
            "helps": list(self.helps),
        }


class CompileError(CPUShareError):
    """A program that does not compile; `diagnostics` say why, errors and warnings, in order."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics

    def render(self, colour: bool = False) -> str:
        """All diagnostics, with a closing line that counts the errors."""
        errors = sum(each.severity == "error" for each in self.diagnostics)
        parts = [each.render(colour) for each in self.diagnostics]
        parts.append(f"{errors} error{'' if errors == 1 else 's'}")
        return "\n\n".join(parts)

    def __str__(self) -> str:
        return self.render()


class Diagnostics(Struct):
    """Collects findings; the same finding at the same place is kept once."""

    found: list[Diagnostic] = field(default_factory=list)
    seen: set[tuple[object, ...]] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def error(
        self,
        code: str,
        span: Span | None,
        label: str = "",
        message: str | None = None,
        *,
        help: str | None = None,
        note: str | None = None,
        also: tuple[Labelled, ...] = (),
    ) -> None:
        """Report an error; without a message, the code's title is the message."""
        self._add("error", code, span, label, message, help, note, also)

    def warning(
        self,
        code: str,
        span: Span,
        label: str = "",
        message: str | None = None,
        *,
        help: str | None = None,
    ) -> None:
        """Report what is suspicious but stops nothing."""
        self._add("warning", code, span, label, message, help, None, ())

    def fatal(
        self, code: str, span: Span | None, label: str = "", note: str | None = None
    ) -> NoReturn:
        """Report an error after which going on makes no sense. Raises `CompileError`."""
        self.error(code, span, label, note=note)
        raise self.failure()

    def _add(
        self,
        severity: str,
        code: str,
        span: Span | None,
        label: str,
        message: str | None,
        help_: str | None,
        note: str | None,
        also: tuple[Labelled, ...],
    ) -> None:
        if message is None:
            from compiler.catalogue import TITLES  # all texts: seldom needed

            message = TITLES[code]
        where = (id(span.source), span.start, span.end) if span else ()
        if (code, where, message) in self.seen:
            return
        self.seen.add((code, where, message))
        notes = ((note,) if note else ()) + tuple(self.notes)
        helps = (help_,) if help_ else ()
        self.found.append(Diagnostic(code, message, span, label, also, notes, helps, severity))
        if sum(each.severity == "error" for each in self.found) >= ERRORS:
            raise self.failure()

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(each.severity == "error" for each in self.found)

    def check(self) -> None:
        """Raise `CompileError` if there is an error. Warnings wait until there is none."""
        if self.failed:
            raise self.failure()

    def failure(self) -> CompileError:
        """The error that carries all errors found."""
        return CompileError(tuple(each for each in self.found if each.severity == "error"))


class _Paint:
    """Wraps text in ANSI colours, or leaves it alone."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def __call__(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.enabled else text


def _excerpt(span: Span, label: str, margin: int, style: str, paint: _Paint) -> list[str]:
    """A bar, the source line, and a line that underlines the span: `^^^`, without style `---`."""
    line, column = span.source.position(span.start)
    text = span.source.line_text(line)
    first = column - 1
    last = max(first + 1, min(first + span.end - span.start, len(text)))
    if len(text) > LINE_WIDTH:
        left = max(0, first - LINE_WIDTH // 4)
        text, first, last = text[left : left + LINE_WIDTH], first - left, last - left
        last = min(last, max(first + 1, len(text)))
    before, under = text[:first], text[first:last]
    marks = ("^" if style else "-") * max(1, _columns(under))
    number = paint(str(line).rjust(margin), "1;34")
    bar = paint(" |", "1;34")
    empty = " " * margin + bar
    caret_line = f"{empty} {' ' * _columns(before)}" + paint(
        marks + (f" {_escape(label)}" if label else ""), style or "1;34"
    )
    shown = _escape(text.replace("\t", TAB))
    return [empty, f"{number}{bar} {shown}".rstrip(), caret_line]


def _columns(text: str) -> int:
    """How many terminal columns the escaped text takes."""
    width = 0
    for character in _escape(text.replace("\t", TAB)):
        if unicodedata.combining(character):
            continue
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return width


def _escape(text: str) -> str:
    """The text with control and formatting characters made visible: a source cannot repaint."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == " " else f"\\u{{{ord(character):x}}}"
        for character in text
    )


def _place(span: Span) -> dict[str, object]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
