"""Dimensions: from the sizes of the inputs and the parameters to every width and height."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vm.errors import OverLimit, Refused
from vm.limits import AXIS_PIXELS, IMAGE_PIXELS
from vm.module import Dimension, ExtentOp, Kernel, Role
from vm.parameters import ParameterValues

OPERATIONS: dict[ExtentOp, Callable[[int, int], int]] = {
    ExtentOp.ADD: lambda a, b: a + b,
    ExtentOp.SUB: lambda a, b: a - b,
    ExtentOp.MUL: lambda a, b: a * b,
    ExtentOp.DIV_FLOOR: lambda a, b: a // b,
    ExtentOp.MIN: min,
    ExtentOp.MAX: max,
}


def evaluate(extent: Dimension, dimensions: Sequence[int], parameters: ParameterValues) -> int:
    """The value of a computed dimension: exact, however large.

    Raises `Refused` where it divides by zero.
    """
    stack: list[int] = []
    for term in extent.extent:
        if term.op is ExtentOp.CONST:
            stack.append(term.value)
        elif term.op is ExtentOp.DIMENSION:
            stack.append(dimensions[term.value])
        elif term.op is ExtentOp.PARAMETER:
            stack.append(parameters[term.value][0])
        else:
            right, left = stack.pop(), stack.pop()
            if term.op is ExtentOp.DIV_FLOOR and right == 0:
                raise Refused("the size of an image divides by zero")
            stack.append(OPERATIONS[term.op](left, right))
    return stack[0]


def deciding(kernel: Kernel) -> frozenset[int]:
    """The numbers of the parameters that dimensions depend on."""
    terms = [term for dimension in kernel.dimensions for term in dimension.extent]
    return frozenset(term.value for term in terms if term.op is ExtentOp.PARAMETER)


def resolve(
    kernel: Kernel, sizes: Mapping[str, tuple[int, int]], parameters: ParameterValues
) -> tuple[int, ...]:
    """Every dimension of the kernel, from the (width, height) of each `in` image by name.

    Raises `Refused` for missing or unknown images and for unequal sizes that must be equal,
    `OverLimit` for images that are too large.
    """
    _check_names(kernel, sizes)
    known: dict[int, tuple[int, str]] = {}
    for image in kernel.images_of(Role.IN):
        for index, value, axis in zip(
            (image.width, image.height), sizes[image.name], ("width", "height"), strict=True
        ):
            what = f"the {axis} of '{image.name}'"
            first, whose = known.setdefault(index, (value, what))
            if first != value:
                raise Refused(f"{what} is {value}, but must equal {whose}, which is {first}")
    dimensions: list[int] = []
    for index, dimension in enumerate(kernel.dimensions):
        computed = bool(dimension.extent)
        value = evaluate(dimension, dimensions, parameters) if computed else known[index][0]
        dimensions.append(value)
    _check_sizes(kernel, dimensions)
    return tuple(dimensions)


def _check_names(kernel: Kernel, sizes: Mapping[str, tuple[int, int]]) -> None:
    names = [image.name for image in kernel.images_of(Role.IN)]
    missing = [name for name in names if name not in sizes]
    if missing:
        raise Refused(f"kernel '{kernel.name}' needs the image '{missing[0]}'")
    extra = [name for name in sizes if name not in names]
    if extra:
        raise Refused(f"kernel '{kernel.name}' takes no image '{extra[0]}'")


def _check_sizes(kernel: Kernel, dimensions: Sequence[int]) -> None:
    for image in kernel.images:
        width, height = dimensions[image.width], dimensions[image.height]
        for value, axis in ((width, "width"), (height, "height")):
            if value < 1:
                raise Refused(
                    f"the {axis} of '{image.name}' would be {value}; it must be 1 or more"
                )
            if value > AXIS_PIXELS:
                raise OverLimit(
                    f"the {axis} of '{image.name}' would be {value}", f"{AXIS_PIXELS} pixels"
                )
        if width * height > IMAGE_PIXELS:
            raise OverLimit(
                f"'{image.name}' would be {width} x {height}", f"{IMAGE_PIXELS} pixels an image"
            )
    for value in dimensions:
        if not 1 <= value <= AXIS_PIXELS:
            raise Refused(f"a dimension would be {value}; it must be in 1..={AXIS_PIXELS}")
