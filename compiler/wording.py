"""Text as modules may hold it: documentation, messages and names of files."""

from __future__ import annotations

from vm.limits import DOC_CHARS, NAME_CHARS, TEXT_CHARS
from vm.wire import FORBIDDEN

REPLACEMENT = "�"


def documentation(text: str) -> str:
    """Documentation: several lines, no control characters, cut where it is too long."""
    lines = text.replace("\t", "    ").split("\n")
    return "\n".join(FORBIDDEN.sub("", line) for line in lines)[:DOC_CHARS].rstrip()


def message(text: str) -> str:
    """One line that a trap shows."""
    return FORBIDDEN.sub(REPLACEMENT, " ".join(text.split()))[:TEXT_CHARS]


def file_name(text: str) -> str:
    """The last part of a path, so that bytes do not depend on where a program was compiled."""
    last = text.replace("\\", "/").rsplit("/", 1)[-1]
    return FORBIDDEN.sub(REPLACEMENT, last)[:NAME_CHARS] or "source"
