"""Room for an arena between pages that nobody may touch: what goes beyond it ends the process."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
from numpy.typing import NDArray

PAGE = mmap.PAGESIZE
PROT_NONE = 0


def _between_guards(size: int) -> tuple[NDArray[np.uint8], int]:
    """Whole pages for so many bytes, with a guard on both sides, and how many bytes they are."""
    inner = size + -size % PAGE
    whole = mmap.mmap(-1, inner + 2 * PAGE)
    pages = np.frombuffer(whole, np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    for at in (0, PAGE + inner):
        assert not libc.mprotect(ctypes.c_void_p(pages.ctypes.data + at), PAGE, PROT_NONE)
    return pages[PAGE : PAGE + inner], inner


def begins_at_a_guard(size: int) -> NDArray[np.uint8]:
    """An arena with a guard right before it."""
    return _between_guards(size)[0][:size]


def ends_at_a_guard(size: int) -> NDArray[np.uint8]:
    """An arena with a guard right behind it: as near as a multiple of 64 bytes may begin."""
    pages, inner = _between_guards(size)
    start = (inner - size) // 64 * 64
    return pages[start : start + size]


ROOMS = (begins_at_a_guard, ends_at_a_guard)
