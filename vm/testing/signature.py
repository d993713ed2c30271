"""Random signatures and storage of kernels."""

from __future__ import annotations

from random import Random

from msgspec import Struct, field

from vm.bits import from_raw
from vm.module import (
    Array,
    Carry,
    Dimension,
    ExtentOp,
    ExtentTerm,
    Field,
    Image,
    Parameter,
    Role,
)
from vm.testing.values import random_raw
from vm.types import COMPUTE_NUMBERS, PIXELS, ScalarType

I32, BOOL = ScalarType.I32, ScalarType.BOOL
TYPES = tuple(sorted(PIXELS, key=lambda scalar: scalar.code))
COMPUTE = tuple(sorted(COMPUTE_NUMBERS, key=lambda scalar: scalar.code))


class Signature(Struct):
    """What a kernel declares."""

    dimensions: list[Dimension] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    carries: list[Carry] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)


def random_signature(rng: Random) -> Signature:
    """One or two inputs, out and local images, parameters, constant arrays."""
    made = Signature(texts=["a requirement", "another"])
    made.parameters = [_parameter(rng, f"p{index}") for index in range(rng.randrange(4))]
    made.dimensions = [Dimension(), Dimension()]
    sizes = [(0, 1)]
    made.images.append(_image(rng, "a", Role.IN, (0, 1)))
    if rng.random() < 0.5:
        if rng.random() < 0.5:
            made.dimensions += [Dimension(), Dimension()]
            sizes.append((2, 3))
        made.images.append(_image(rng, "b", Role.IN, sizes[-1]))
    for _ in range(rng.choice((0, 0, 1, 2))):
        made.dimensions.append(_extent(rng, made))
        sizes.append((len(made.dimensions) - 1, 1))
        sizes.append((0, len(made.dimensions) - 1))
    names = {Role.OUT: "xyz"[: rng.choice((1, 1, 2, 3))], Role.LOCAL: "tu"[: rng.choice((0, 1, 2))]}
    for role, letters in names.items():
        for name in letters:
            size = (0, 1) if rng.random() < 0.6 else rng.choice(sizes)
            made.images.append(_image(rng, name, role, size))
    for index, parameter in enumerate(made.parameters):
        if parameter.length:
            made.arrays.append(Array(parameter.type, parameter.length, index))
    for index in range(rng.choice((0, 0, 1, 3))):
        made.fields.append(Field(f"f{index}", rng.choice((*TYPES, BOOL))))
    for _ in range(rng.choice((0, 1, 1, 2))):
        scalar = rng.choice(TYPES)
        data = tuple(random_raw(rng, scalar) for _ in range(rng.choice((1, 2, 4, 9))))
        made.arrays.append(Array(scalar, len(data), None, data))
    return made


def _image(rng: Random, name: str, role: Role, size: tuple[int, int]) -> Image:
    return Image(name, role, rng.choice(TYPES), rng.choice((1, 1, 1, 2, 3)), *size)


def _extent(rng: Random, made: Signature) -> Dimension:
    """A small size computed from the first two dimensions and small parameters."""
    width, height = ExtentTerm(ExtentOp.DIMENSION, 0), ExtentTerm(ExtentOp.DIMENSION, 1)
    others = [height, ExtentTerm(ExtentOp.CONST, rng.choice((1, 2, 3)))]
    others += [
        ExtentTerm(ExtentOp.PARAMETER, index)
        for index, parameter in enumerate(made.parameters)
        if parameter.high in range(1, 10) and parameter.low == 1 and not parameter.length
    ]
    ops = (ExtentOp.ADD, ExtentOp.ADD, ExtentOp.SUB, ExtentOp.MIN, ExtentOp.MAX, ExtentOp.DIV_FLOOR)
    terms = [width, rng.choice(others), ExtentTerm(rng.choice(ops))]
    if rng.random() < 0.3:
        terms += [ExtentTerm(ExtentOp.CONST, 2), ExtentTerm(rng.choice((ExtentOp.MUL, *ops)))]
    if any(term.op in (ExtentOp.SUB, ExtentOp.DIV_FLOOR) for term in terms):
        terms += [ExtentTerm(ExtentOp.CONST, 1), ExtentTerm(ExtentOp.MAX)]
    return Dimension(tuple(terms))


def _parameter(rng: Random, name: str) -> Parameter:
    scalar = rng.choice((*COMPUTE, I32, BOOL))
    length = 0 if scalar is BOOL else rng.choice((0, 0, 1, 3))
    low = high = None
    if scalar.is_integer and rng.random() < 0.6:
        low, high = rng.choice(((1, 4), (0, 5), (0, 255), (1, 9)))
    elif scalar.is_float and rng.random() < 0.3:
        low, high = random_ends(rng, scalar)
    default: tuple[int, ...] = ()
    if low is None or high is None:
        default = tuple(random_raw(rng, scalar) for _ in range(max(1, length)))
        if any(from_raw(scalar, raw) != from_raw(scalar, raw) for raw in default):
            default = ()
    elif rng.random() < 0.5:
        default = (rng.choice((low, high)),) * max(1, length)
    return Parameter(name, scalar, length, low, high, default)


def random_ends(rng: Random, scalar: ScalarType) -> tuple[int, int]:
    """The ends of a range of floats, in order and not NaN."""
    while True:
        ends = [random_raw(rng, scalar) for _ in range(2)]
        ends.sort(key=lambda raw: from_raw(scalar, raw))
        if all(from_raw(scalar, raw) == from_raw(scalar, raw) for raw in ends):
            return ends[0], ends[1]
