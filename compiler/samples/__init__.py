"""Hypothesis strategies for programs in source: for our tests and for yours.

    programs()       programs that are well typed, using the whole language
    damaged(text)    the text with a few tokens dropped, doubled, exchanged or replaced

A program has a kernel `k`. It compiles, unless a constant in it is surely wrong (`SURELY_WRONG`):
an element that is not there, a division by a constant 0. It may trap when it runs. Only tests
import this package; the compiler itself does not need hypothesis.
"""

from __future__ import annotations

from compiler.samples.damage import damaged
from compiler.samples.programs import SURELY_WRONG, programs

__all__ = ["SURELY_WRONG", "damaged", "programs"]
