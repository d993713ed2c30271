"""Pictures in a terminal: Braille characters, 2 × 4 dots each, halftoned by a kernel of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Unicode's order of the dots, by column and row of the character.
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
BLANK = 0x2800


def scaled(gray: NDArray[np.uint8], columns: int, lines: int | None = None) -> NDArray[np.uint8]:
    """The picture at 2 dots a column, as many dots high as keeps its shape, at least 1 × 1."""
    from PIL import Image

    height, width = gray.shape
    wide = max(2, 2 * columns)
    high = max(1, round(height * wide / width))
    if lines is not None and high > 4 * lines:
        wide, high = max(2, round(width * 4 * lines / height)), 4 * lines
    picture = Image.fromarray(gray).resize((wide, high), Image.Resampling.BOX)
    return np.asarray(picture)


def braille(bilevel: NDArray[Any]) -> str:
    """Lines of Braille; a dot is set where a pixel is not 0 (white on a dark terminal)."""
    height, width = bilevel.shape
    padded = np.zeros((height + -height % 4, width + -width % 2), bool)
    padded[:height, :width] = bilevel != 0
    cells = padded.reshape(padded.shape[0] // 4, 4, padded.shape[1] // 2, 2)
    codes = (cells * DOTS[:, np.newaxis, :]).sum(axis=(1, 3)) + BLANK
    return "\n".join("".join(map(chr, line)) for line in codes)


def view(
    gray: NDArray[np.uint8],
    dither: Callable[[NDArray[np.uint8]], NDArray[Any]],
    columns: int,
    lines: int | None = None,
) -> str:
    """A gray picture as text of this many columns, halftoned by `dither`."""
    return braille(dither(scaled(gray, columns, lines)))


def beside(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Two pictures of equal height in one, a gap of 8 white pixels between them."""
    gap = np.full((before.shape[0], 8), 255, np.uint8)
    return np.concatenate([before, gap, after], axis=1)
