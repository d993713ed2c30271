"""A picture that is computed: three lit spheres before a soft background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SPHERES = ((0.33, 0.36, 0.24), (0.70, 0.60, 0.22), (0.36, 0.80, 0.13))
"""Centre (x, y) and radius, as parts of the picture's side."""


def scene(size: int = 288) -> NDArray[np.uint8]:
    """The picture, (size, size), gray: flat parts, edges, and every level in between."""
    y, x = np.mgrid[0:size, 0:size] / size
    light = np.array([-0.5, -0.6, 0.62])
    gray = 210 - 120 * y
    for centre_x, centre_y, radius in SPHERES:
        u, v = (x - centre_x) / radius, (y - centre_y) / radius
        inside = u * u + v * v < 1
        height = np.sqrt(np.maximum(0, 1 - u * u - v * v))
        lit = np.maximum(0, u * light[0] + v * light[1] + height * light[2])
        eighth = ((lit * lit) * (lit * lit)) * ((lit * lit) * (lit * lit))  # no pow: it varies
        gray = np.where(inside, 18 + 190 * lit + 45 * (eighth * eighth * eighth), gray)
    levels: NDArray[np.uint8] = np.clip(gray, 0, 255).astype(np.uint8)
    return levels
