"""What several peers need: the same numbers that our kernels and the C have."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def gaussian() -> NDArray[np.float32]:
    """Eleven weights of deviation 1.2, normalised to 1."""
    raw = [math.exp(-0.5 * ((i - 5) / 1.2) ** 2) for i in range(11)]
    return np.array([weight / sum(raw) for weight in raw], np.float32)


def bayer(width: int, height: int) -> NDArray[np.uint8]:
    """Bayer's levels, as large as a picture."""
    mask = np.zeros((1, 1), np.int64)
    for _ in range(3):
        mask = np.block([[4 * mask, 4 * mask + 2], [4 * mask + 3, 4 * mask + 1]])
    tiled = np.tile(mask * 4 + 1, (height // 8 + 1, width // 8 + 1))
    return np.ascontiguousarray(tiled[:height, :width], np.uint8)


def light() -> NDArray[np.float32]:
    """The light of each sRGB code."""
    codes = np.arange(256) / 255
    bent = ((codes + 0.055) / 1.055) ** 2.4
    return np.where(codes <= 0.04045, codes / 12.92, bent).astype(np.float32)
