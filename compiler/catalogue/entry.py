"""One row of the catalogue."""

from __future__ import annotations

from msgspec import Struct


class Entry(Struct, frozen=True):
    """A diagnostic's title and explanation; a wrong and a right line where lines can show it."""

    title: str
    text: str
    wrong: str = ""
    right: str = ""
