"""Random values, images and parameters: they lean towards the edges of their types."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from vm.bits import INFINITY_BITS, NAN_BITS, float_to_bits, from_raw, is_raw
from vm.inputs import dtype_of
from vm.module import Image, Kernel, Parameter, Role
from vm.parameters import bounds
from vm.types import ScalarType

SIZES = (1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9)
LONG_SIZES = (15, 16, 17, 18, 19, 33)  # around the lanes of a float sum and of vectors
SMALL_FLOATS = (0.1, 0.5, 1.0, -1.0, 1.5, 2.0, 2.5, -3.5, 1e-3, 255.0, 255.5, 16777217.0, 1e10)


def seeds() -> st.SearchStrategy[Random]:
    """Sources of random choices, each determined by one number."""
    return st.integers(0, (1 << 64) - 1).map(Random)


def random_raw(rng: Random, scalar: ScalarType) -> int:
    """A raw value of a type: an edge, a small number, or anything."""
    if scalar.is_float:
        return _random_float(rng, scalar)
    if scalar.is_bool:
        return rng.randrange(2)
    low, high = scalar.minimum, scalar.maximum
    kind = rng.randrange(4)
    if kind == 0:
        corners = (low, low + 1, -1, 0, 1, 2, high // 2 + 1, high - 1, high)
        return rng.choice([value for value in corners if low <= value <= high])
    if kind == 1:
        return rng.randint(low, high)
    return rng.randint(max(low, -20), min(high, 20))


def _random_float(rng: Random, scalar: ScalarType) -> int:
    infinity, sign = INFINITY_BITS[scalar], 1 << (scalar.bits - 1)
    kind = rng.randrange(8)
    if kind == 0:  # zeros, least and greatest subnormal, greatest finite, infinities, NaN
        hidden = 1 << (23 if scalar is ScalarType.F32 else 52)
        edge = rng.choice((0, 1, hidden - 1, hidden, infinity - 1, infinity))
        return rng.choice((edge, edge | sign, NAN_BITS[scalar]))
    if kind == 1:
        raw = rng.getrandbits(scalar.bits)
        return raw if is_raw(scalar, raw) else NAN_BITS[scalar]
    if kind == 2:
        return float_to_bits(scalar, rng.uniform(-1e3, 1e3))
    if kind == 3:
        return float_to_bits(scalar, float(rng.randint(-300, 300)))
    return float_to_bits(scalar, rng.choice(SMALL_FLOATS))


def random_images(rng: Random, kernel: Kernel) -> dict[str, NDArray[Any]]:
    """Arrays for every input of a kernel, of small sizes that fit together."""
    sizes = [rng.choice(SIZES) for _ in kernel.dimensions]
    if rng.random() < 0.3:  # one long axis, the others short
        sizes = [min(size, 3) for size in sizes]
        sizes[rng.randrange(len(sizes))] = rng.choice(LONG_SIZES)
    return {image.name: random_pixels(rng, image, sizes) for image in kernel.images_of(Role.IN)}


def random_pixels(rng: Random, image: Image, sizes: list[int]) -> NDArray[Any]:
    """Pixels of an image, by the sizes of the kernel's dimensions."""
    shape = [sizes[image.height], sizes[image.width], image.channels]
    pool = [random_raw(rng, image.type) for _ in range(rng.choice((1, 3, 50)))]
    values = [from_raw(image.type, rng.choice(pool)) for _ in range(int(np.prod(shape)))]
    if image.channels == 1 and rng.random() < 0.9:
        shape.pop()
    return np.array(values, dtype_of(image.type)).reshape(shape)


def random_parameters(rng: Random, kernel: Kernel) -> dict[str, object]:
    """Values for the parameters; those with a default are left out now and then."""
    values: dict[str, object] = {}
    for parameter in kernel.parameters:
        if parameter.default and rng.random() < 0.3:
            continue
        elements = [_random_element(rng, parameter) for _ in range(max(1, parameter.length))]
        values[parameter.name] = elements if parameter.length else elements[0]
    return values


def _random_element(rng: Random, parameter: Parameter) -> int | float | bool:
    low, high = bounds(parameter)
    while True:
        value = from_raw(parameter.type, random_raw(rng, parameter.type))
        if low <= value <= high:
            return value
        if parameter.type.is_integer:
            return rng.randint(int(low), int(high))
        if value == value:
            return rng.choice((low, high))


def images(kernel: Kernel) -> st.SearchStrategy[dict[str, NDArray[Any]]]:
    """Arrays for every input of a kernel, of small sizes that fit together."""
    return seeds().map(lambda rng: random_images(rng, kernel))


def parameter_values(kernel: Kernel) -> st.SearchStrategy[dict[str, object]]:
    """Values for the parameters of a kernel, some left to their defaults."""
    return seeds().map(lambda rng: random_parameters(rng, kernel))
