"""Images that tests make from nothing, and how images are compared and hashed."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vm.bits import NAN_BITS
from vm.inputs import DTYPES
from vm.types import ScalarType

Pixels = NDArray[Any]

SAMPLES = 1 << 24
"""The most samples of an image that a test makes."""

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
FLOAT_BITS = {ScalarType.F32: 24, ScalarType.F64: 53}


def shape_of(width: int, height: int, channels: int) -> tuple[int, ...]:
    """The shape of an image's array. Raises `ValueError` for a size no test image has."""
    if width < 1 or height < 1 or width * height * channels > SAMPLES:
        raise ValueError(f"a test image cannot be {width} x {height}")
    return (height, width) if channels == 1 else (height, width, channels)


def fill(scalar: ScalarType, value: list[Any], width: int, height: int) -> Pixels:
    """Every pixel is `value`, one number a channel."""
    shape = shape_of(width, height, len(value))
    pixel = np.array(value if len(value) > 1 else value[0], DTYPES[scalar])
    return np.broadcast_to(pixel, shape).copy()


def ramp(scalar: ScalarType, width: int, height: int, channels: int) -> Pixels:
    """X · top / max(1, width - 1), rounded down for integers; top is 1.0 for floats."""
    shape = shape_of(width, height, channels)
    last = max(1, width - 1)
    line = [x / last if scalar.is_float else x * scalar.maximum // last for x in range(width)]
    columns = np.array(line, DTYPES[scalar])
    if channels > 1:
        columns = np.repeat(columns[:, None], channels, axis=1)
    return np.broadcast_to(columns, shape).copy()


def noise(scalar: ScalarType, seed: int, width: int, height: int, channels: int) -> Pixels:
    """Sample k is splitmix64 of seed + (k + 1) · GOLDEN (Steele, Lea, Flood, OOPSLA 2014).

    Samples count in raster order, channels innermost; integers take its upper bits, floats its
    upper 24 or 53 bits as a fraction of 1.
    """
    shape = shape_of(width, height, channels)
    count = width * height * channels
    state = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN) + np.uint64(seed & MASK)
    mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    if scalar.is_float:
        bits = FLOAT_BITS[scalar]
        fraction = (mixed >> np.uint64(64 - bits)).astype(np.float64) / float(1 << bits)
        return fraction.astype(DTYPES[scalar]).reshape(shape)
    upper = (mixed >> np.uint64(64 - scalar.bits)).astype(f"u{scalar.size_bytes}")
    return upper.view(DTYPES[scalar]).reshape(shape)


def bit_patterns(image: Pixels) -> Pixels:
    """The samples as unsigned integers."""
    return np.ascontiguousarray(image).view(f"u{image.dtype.itemsize}")


def canonical_bytes(image: Pixels, scalar: ScalarType) -> bytes:
    """Samples little-endian, in raster order, channels innermost, with the one NaN."""
    patterns = bit_patterns(image.astype(DTYPES[scalar]))
    if scalar.is_float:
        patterns = np.where(np.isnan(image), NAN_BITS[scalar], patterns).astype(patterns.dtype)
    return patterns.astype(patterns.dtype.newbyteorder("<")).tobytes()


def digest(image: Pixels, scalar: ScalarType) -> str:
    """SHA-256 of the canonical bytes, in hex."""
    return hashlib.sha256(canonical_bytes(image, scalar)).hexdigest()


def difference(left: Pixels, right: Pixels) -> str | None:
    """What differs between two images, to the bit; None if nothing does."""
    if left.shape != right.shape:
        return f"the sizes differ: {size_text(left)} is not {size_text(right)}"
    return _first_difference(left, right, bit_patterns(left) != bit_patterns(right))


def distance(left: Pixels, right: Pixels, tolerance: float) -> str | None:
    """Where two images differ by more than a tolerance; None if nowhere."""
    if left.shape != right.shape:
        return f"the sizes differ: {size_text(left)} is not {size_text(right)}"
    with np.errstate(invalid="ignore"):
        gap = np.abs(left.astype(np.longdouble) - right.astype(np.longdouble))
        close = (gap <= tolerance) | (left == right)
    return _first_difference(left, right, ~close)


def size_text(image: Pixels) -> str:
    """Width x height."""
    return f"{image.shape[1]} x {image.shape[0]}"


def _first_difference(left: Pixels, right: Pixels, where: Pixels) -> str | None:
    count = int(np.count_nonzero(where))
    if count == 0:
        return None
    place = tuple(int(each) for each in np.argwhere(where)[0])
    y, x, *channel = place
    suffix = f" channel {channel[0]}" if channel else ""
    return (
        f"first at [{x}, {y}]{suffix}: {left[place]} is not {right[place]}; "
        f"{count} of {where.size} samples differ"
    )
