"""Two images that should be equal, side by side, with the places where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_SIDE = 160
"""Smaller pictures are enlarged, in whole steps, so that pixels can be seen."""

GAP = 8
PAPER = 96
RED = np.array([255, 32, 32], np.uint8)


def triptych(found: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.uint8]:
    """(h, w, 3): what was found, what was wanted, and in red over gray where they differ.

    Numbers that are no bytes are stretched between the least and the greatest of both. Images of
    different sizes are shown without the third part.
    """
    parts = [_shown(found, _scale(found, wanted)), _shown(wanted, _scale(found, wanted))]
    if found.shape == wanted.shape:
        differs = np.ascontiguousarray(found).view(f"u{found.itemsize}") != np.ascontiguousarray(
            wanted
        ).view(f"u{wanted.itemsize}")
        differs = differs if differs.ndim == 2 else differs.any(axis=2)
        pale = (parts[1] // 4 + PAPER).astype(np.uint8)
        parts.append(np.where(differs[..., None], RED, pale))
    step = max(1, -(-LEAST_SIDE // max(max(part.shape[:2]) for part in parts)))
    height = max(part.shape[0] for part in parts) * step
    columns: list[NDArray[np.uint8]] = []
    for part in parts:
        large = part.repeat(step, axis=0).repeat(step, axis=1)
        below = height - large.shape[0]
        columns.append(np.pad(large, ((0, below), (0, GAP), (0, 0)), constant_values=PAPER))
    joined: NDArray[np.uint8] = np.concatenate(columns, axis=1)
    return joined[:, :-GAP]


def _scale(*images: NDArray[Any]) -> tuple[float, float]:
    """The least number and the greatest of images, as black and white."""
    if all(image.dtype == np.uint8 for image in images):
        return 0.0, 255.0
    values = np.concatenate([image.ravel().astype(np.float64) for image in images])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    least, most = float(values.min()), float(values.max())
    return least, most if most > least else least + 1.0


def _shown(image: NDArray[Any], scale: tuple[float, float]) -> NDArray[np.uint8]:
    """The image as bytes, (h, w, 3); of other numbers of channels the first is shown."""
    least, most = scale
    with np.errstate(invalid="ignore"):
        level = (image.astype(np.float64) - least) / (most - least) * 255
    finite = np.nan_to_num(level, nan=0.0, posinf=255.0, neginf=0.0)
    shown: NDArray[np.uint8] = finite.clip(0, 255).astype(np.uint8)
    if shown.ndim == 3 and shown.shape[2] == 3:
        return shown
    gray = shown if shown.ndim == 2 else shown[..., 0]
    return np.repeat(gray[..., None], 3, axis=2)
