"""What names stand for: locals, parameters, images, rows, and the sizes images are declared with.

Symbols are compared by identity, extents by structure.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from compiler.source import Span
from compiler.types import ImageType, RowsType, ValueType
from vm.opcodes import Op

Value = int | float | bool
"""A constant: int for integer types, float for floats (an f32 is already rounded), bool."""


class Axis(Enum):
    """Width or height."""

    WIDTH = "width"
    HEIGHT = "height"


class ImageRole(Enum):
    """What an image is where it is declared: a kernel's or a function's, its own, or a test's."""

    IN = "in"
    OUT = "out"
    LOCAL = "local"
    TEST = "test"


class Local(Struct, frozen=True, eq=False):
    """A `let`, a `var`, a loop variable, a by-value parameter of a function."""

    name: str
    type: ValueType
    span: Span
    mutable: bool = False


class Parameter(Struct, frozen=True, eq=False):
    """A `param` of a kernel: a scalar, or an array (one axis) of scalars.

    `low` and `high` bound every element, None means the whole type. `default` has one value, or
    one for each element, or none if the caller must give it.
    """

    name: str
    type: ValueType
    span: Span
    low: Value | None = None
    high: Value | None = None
    default: tuple[Value, ...] = ()
    doc: str = ""


class Image(Struct, frozen=True, eq=False):
    """An image: of a kernel or a function (IN, OUT), declared inside one (LOCAL), or of a test.

    `width` and `height` are None for a size of its own, which the caller decides: IN images of
    kernels without a demand, images of functions without a demand, and all images of tests.
    OUT images of kernels and LOCAL images always have both.
    """

    name: str
    type: ImageType
    span: Span
    role: ImageRole
    width: Extent | None = None
    height: Extent | None = None
    doc: str = ""


class Rows(Struct, frozen=True, eq=False):
    """`var err: rows<T, K>(width)`: what a scan adds up for pixels to come."""

    name: str
    type: RowsType
    span: Span
    width: Extent


class ExtentConstant(Struct, frozen=True):
    """A number of pixels."""

    value: int


class ExtentDimension(Struct, frozen=True):
    """The width or height of an image whose size is its own (`Image.width is None`).

    Sizes of other images have been replaced by the extents they were declared with, so two
    extents are provably equal exactly when they are equal as data.
    """

    image: Image
    axis: Axis


class ExtentParameter(Struct, frozen=True):
    """The value of a scalar i32 parameter of the kernel."""

    parameter: Parameter


class ExtentBinary(Struct, frozen=True):
    """`op` is ADD, SUB, MUL, DIV_FLOOR, MIN or MAX, over exact integers."""

    op: Op
    left: Extent
    right: Extent


Extent = ExtentConstant | ExtentDimension | ExtentParameter | ExtentBinary
