"""What the example kernels must compute, written again in plain Python and NumPy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]


def floyd_steinberg(
    src: Gray,
    *,
    serpentine: bool = False,
    threshold: int = 128,
    weights: tuple[int, int, int, int] = (7, 3, 5, 1),
) -> Gray:
    """The formula of docs/language.md's dither, pixel by pixel, in exact integers.

    Weights are ahead, behind-below, below, ahead-below in the direction of travel.
    """
    taps = dict(zip([(1, 0), (-1, 1), (0, 1), (1, 1)], weights, strict=True))
    return diffused(src, taps, sum(weights), serpentine=serpentine, threshold=threshold)


def diffused(
    src: Gray,
    taps: dict[tuple[int, int], int],
    divisor: int,
    *,
    serpentine: bool = False,
    threshold: int = 128,
) -> Gray:
    """Error diffusion by any weights: (ahead, below) -> weight, at most 3 ahead or behind.

    want = src + floor((sum of neighbours' errors times weights + divisor // 2) / divisor)
    """
    height, width = src.shape
    pending = np.zeros((height + 3, width + 6), dtype=np.int64)
    out = np.zeros_like(src)
    for y in range(height):
        d = -1 if serpentine and y % 2 else 1
        for x in range(width)[::d]:
            want = int(src[y, x]) + (int(pending[y, x + 3]) + divisor // 2) // divisor
            out[y, x] = 255 if want >= threshold else 0
            error = want - int(out[y, x])
            for (ahead, below), weight in taps.items():
                pending[y + below, x + 3 + d * ahead] += error * weight
    return out


def floyd_steinberg_f32(src: Gray, *, serpentine: bool = False, threshold: float = 128) -> Gray:
    """The same in f32: what a pixel gets is added up in the order in which it was sent."""
    height, width = src.shape
    pending = np.zeros((height + 1, width + 2), dtype=np.float32)
    out = np.zeros_like(src)
    for y in range(height):
        d = -1 if serpentine and y % 2 else 1
        for x in range(width)[::d]:
            want = np.float32(src[y, x]) + pending[y, x + 1]
            out[y, x] = 255 if want >= threshold else 0
            error = want - np.float32(out[y, x])
            pending[y, x + 1 + d] += error * np.float32(7 / 16)
            pending[y + 1, x + 1 - d] += error * np.float32(3 / 16)
            pending[y + 1, x + 1] += error * np.float32(5 / 16)
            pending[y + 1, x + 1 + d] += error * np.float32(1 / 16)
    return out


def gaussian(sigma: float, shift: float = 0.0) -> NDArray[np.float32]:
    """Eleven weights in double precision, normalised, rounded to f32."""
    offsets = [(i - 5 - shift) / sigma for i in range(11)]
    raw = [math.exp(-0.5 * (offset * offset)) for offset in offsets]
    total = 0.0
    for value in raw:
        total += value
    return np.array([value / total for value in raw], dtype=np.float32)


def hvs(src: Gray, sigma: float = 1.2) -> NDArray[np.float32]:
    """Two separable passes of f32 sums, taps added left to right, mirrored at the edges."""
    return shifted_hvs(src, sigma, (0.0, 0.0))


def shifted_hvs(src: Gray, sigma: float, shift: tuple[float, float]) -> NDArray[np.float32]:
    """The same with the filter centred on a displacement (dx, dy)."""
    image = (src.astype(np.float32) / np.float32(255)).astype(np.float32)
    for axis, offset in ((1, shift[0]), (0, shift[1])):
        weights = gaussian(sigma, offset)
        pad = [(5, 5) if a == axis else (0, 0) for a in (0, 1)]
        padded = np.pad(image, pad, mode="symmetric")
        size = image.shape[axis]
        total = None
        for tap in range(11):
            part = np.take(padded, range(tap, tap + size), axis=axis) * weights[tap]
            total = part if total is None else total + part
        assert total is not None
        image = total.astype(np.float32)
    return image


def study(src: Gray, sigma: float, step: float) -> dict[str, float]:
    """The least mean squared error over 17 × 17 displacements of the halftone."""
    halftone = floyd_steinberg(src, serpentine=True)
    seen = hvs(src, sigma)

    def error(dx: float, dy: float) -> float:
        other = shifted_hvs(halftone, sigma, (dx, dy))
        return float(np.mean((other - seen).astype(np.float64) ** 2))

    errors = {(i, j): error(i * step, j * step) for i in range(-8, 9) for j in range(-8, 9)}
    best = min(errors, key=lambda at: errors[at])
    return {
        "e_in_place": errors[0, 0],
        "e_min": errors[best],
        "dx": best[0] * step,
        "dy": best[1] * step,
        "white": float(np.mean(halftone == 255)),
    }


def sobel(src: Gray) -> Gray:
    """Gradient magnitude, rounded down, at most 255; clamped edges."""
    p = np.pad(src.astype(np.int64), 1, mode="edge")
    gx = p[:-2, 2:] + 2 * p[1:-1, 2:] + p[2:, 2:] - p[:-2, :-2] - 2 * p[1:-1, :-2] - p[2:, :-2]
    gy = p[2:, :-2] + 2 * p[2:, 1:-1] + p[2:, 2:] - p[:-2, :-2] - 2 * p[:-2, 1:-1] - p[:-2, 2:]
    squares = gx * gx + gy * gy
    roots = np.vectorize(math.isqrt, otypes=[np.int64])(squares)
    return np.minimum(roots, 255).astype(np.uint8)


def median3(src: Gray) -> Gray:
    """Median of 3 × 3, mirrored edges."""
    height, width = src.shape
    p = np.pad(src, 1, mode="symmetric")
    stack = [p[dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3)]
    return np.sort(np.stack(stack), axis=0)[4].astype(np.uint8)


def ordered(src: Gray, mask: Gray) -> Gray:
    """White above the mask's level, the mask repeated."""
    height, width = src.shape
    tiled = np.tile(mask, (height // mask.shape[0] + 1, width // mask.shape[1] + 1))
    return np.where(src > tiled[:height, :width], 255, 0).astype(np.uint8)


def bayer(src: Gray) -> Gray:
    """Bayer's mask by its recursion: M(2n) = [[4 M, 4 M + 2], [4 M + 3, 4 M + 1]]."""
    mask = np.zeros((1, 1), dtype=np.int64)
    for _ in range(3):
        mask = np.block([[4 * mask, 4 * mask + 2], [4 * mask + 3, 4 * mask + 1]])
    return ordered(src, (mask * 4 + 1).astype(np.uint8))


def ostromoukhov(src: Gray, keys: list[tuple[int, int, int]]) -> Gray:
    """Weights by level; quotients towards zero, what they lose goes below."""
    height, width = src.shape
    pending = np.zeros((height + 1, width + 2), dtype=np.int64)
    out = np.zeros_like(src)
    for y in range(height):
        d = -1 if y % 2 else 1
        for x in range(width)[::d]:
            level = int(src[y, x])
            want = level + int(pending[y, x + 1])
            out[y, x] = 255 if want >= 128 else 0
            error = want - int(out[y, x])
            weights = keys[min(level, 255 - level)]
            ahead, behind = (
                int(math.copysign(abs(error) * w // sum(weights), error)) for w in weights[:2]
            )
            pending[y, x + 1 + d] += ahead
            pending[y + 1, x + 1 - d] += behind
            pending[y + 1, x + 1] += error - ahead - behind
    return out


def palette_dither(
    src: NDArray[np.uint8], palette: NDArray[np.uint8], light: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Indices of the colours; every operation in f32. `light` is that of each code.

    What a pixel gets is added up in the order in which it was added.
    """
    one, sixteenth = np.float32, np.float32(1.0) / np.float32(16.0)
    height, width, _ = src.shape
    colours = light[palette[0]]
    pending = np.zeros((height + 1, width + 2, 3), dtype=np.float32)
    index = np.zeros((height, width), dtype=np.uint8)
    for y in range(height):
        d = -1 if y % 2 else 1
        for x in range(width)[::d]:
            want = light[src[y, x]] + pending[y, x + 1]
            gap = want - colours
            distance = (gap[:, 0] * gap[:, 0] + gap[:, 1] * gap[:, 1]) + gap[:, 2] * gap[:, 2]
            index[y, x] = np.argmin(distance)
            error = (want - colours[index[y, x]]) * sixteenth
            pending[y, x + 1 + d] += error * one(7.0)
            pending[y + 1, x + 1 - d] += error * one(3.0)
            pending[y + 1, x + 1] += error * one(5.0)
            pending[y + 1, x + 1 + d] += error
    return index


def light() -> NDArray[np.float32]:
    """The light of each 8-bit sRGB code, rounded from double precision."""
    codes = np.arange(256) / 255
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )
