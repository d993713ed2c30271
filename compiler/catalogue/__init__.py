"""Every diagnostic: its code, its title, and what `cpsc explain` says about it.

The hundreds group them: 01 text, syntax, names and files; 02 loops over pixels; 03 types;
04 functions and calls; 05 constants and loops; 06 kernels; 07 tests; 08 limits of the machine.
Codes are never given anew.
"""

from __future__ import annotations

from compiler.catalogue import items, machine, pixels, text, values
from compiler.catalogue.entry import Entry

CATALOGUE: dict[str, Entry] = {
    **text.ENTRIES,
    **pixels.ENTRIES,
    **values.ENTRIES,
    **items.ENTRIES,
    **machine.ENTRIES,
}

TITLES: dict[str, str] = {code: entry.title for code, entry in CATALOGUE.items()}
"""The message of each code where none is given."""


def explain(code: str) -> str | None:
    """What `cpsc explain` prints about a code; None if there is no such code."""
    entry = CATALOGUE.get(code.upper())
    if entry is None:
        return None
    import textwrap

    wrong, right = (textwrap.indent(lines, "    ") for lines in (entry.wrong, entry.right))
    head = f"{code.upper()}: {entry.title}\n\n{entry.text}"
    return f"{head}\n\nWrong:\n\n{wrong}\n\nRight:\n\n{right}\n"
