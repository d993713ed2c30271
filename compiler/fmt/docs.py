"""Documents: what stands on a line, where lines may break, and what breaks together.

A group stands on one line if it fits; if not, all of its own breaks become new lines (P. Wadler,
A prettier printer, 2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from compiler.fmt.leaves import Comment, Leaf


class Mark(Enum):
    """Documents without content."""

    SPACE = "a space, unless a new line begins"
    PAD = "a second space, in a broken group"
    BREAK = "a space, or a new line in a broken group"
    SOFT = "nothing, or a new line in a broken group"
    COMMA = "nothing, or a comma in a broken group, in front of a comment that has been written"
    OPERATOR = "nothing; signs at this place are aligned with those on neighbouring lines"


@dataclass(frozen=True, slots=True)
class NewLine:
    """A new line in any case, and maybe a blank one before it."""

    blank: bool = False


@dataclass(frozen=True, slots=True)
class Comments:
    """Comments, each on a line of its own."""

    comments: tuple[Comment, ...]


@dataclass(frozen=True, slots=True)
class Concat:
    """One document after the other."""

    docs: tuple[Doc, ...]


@dataclass(frozen=True, slots=True)
class Indent:
    """New lines in it are indented by one step more."""

    doc: Doc


@dataclass(frozen=True, slots=True)
class Group:
    """Breaks that are new lines all or none; `broken`: all in any case."""

    doc: Doc
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Parts with spaces between them, in as many rows as they need.

    If they do not fit on one line, they stay in the rows in which they were written: `kept` tells
    which parts began one. Where such a row does not fit, or none was written, each part gets a row,
    or each row takes as many parts as it can (`fill`), or all stay in one whose last part breaks
    (`hug`). `hang`: rows after the first are indented.
    """

    parts: tuple[Doc, ...]
    kept: tuple[bool, ...]
    hang: bool = False
    fill: bool = False
    hug: bool = False


Doc = Leaf | Mark | NewLine | Comments | Concat | Indent | Group | Rows
