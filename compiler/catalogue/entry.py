"""One row of the catalogue."""

from __future__ import annotations

from msgspec import Struct


class Entry(Struct, frozen=True):
    """A diagnostic's title and explanation; the lines of a wrong and of a right program."""

    title: str
    text: str
    wrong: str
    right: str
