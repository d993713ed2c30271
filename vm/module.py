"""A module: what a .cpb file holds, as frozen data. Nothing here has been checked.

Floats (constants, parameter bounds, table data) are kept as their bit patterns, so that equality
of modules is equality of meaning: -0 is not +0, and a NaN equals itself.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct, field

from vm.opcodes import BYTECODE_VERSION, Op
from vm.types import ScalarType


class Border(Enum):
    """What a read outside an image sees. Periods continue however far outside it is."""

    INSIDE = "inside"  # nothing: the access is proved to be inside, or it traps
    CLAMP = "clamp"  # the nearest pixel:           0 0 | 0 1 2 | 2 2
    MIRROR = "mirror"  # mirrored at the edge:      1 0 | 0 1 2 | 2 1
    REFLECT101 = "reflect101"  # mirrored at the outer pixel: 2 1 | 0 1 2 | 1 0
    WRAP = "wrap"  # the other end:                 1 2 | 0 1 2 | 0 1
    ZERO = "zero"  # 0


class Order(Enum):
    """The order in which a scan visits pixels; the flag it pops turns every odd line around."""

    ROWS = "rows"  # lines downwards, pixels to the right
    REVERSE = "reverse"  # lines upwards, pixels to the left
    COLUMNS = "columns"  # columns to the right, pixels downwards

    @property
    def direction(self) -> int:
        """The direction of travel on the first line: 1, or -1."""
        return -1 if self is Order.REVERSE else 1

    @property
    def is_vertical(self) -> bool:
        """Whether lines are columns."""
        return self is Order.COLUMNS


class Reduction(Enum):
    """What a reduction computes. `arg` forms push the value, then where it was (x, then y)."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"
    ARGMIN = "argmin"
    ARGMAX = "argmax"
    COUNT = "count"


class Role(Enum):
    """What an image is to its kernel."""

    IN = "in"
    OUT = "out"
    LOCAL = "local"


class TrapCode(Enum):
    """Why a kernel stopped itself: number in replies of a child, and its name."""

    PIXEL = (1, "pixel-outside")
    ELEMENT = (2, "element-outside")
    DIVISION = (3, "division-by-zero")
    NARROW = (4, "value-out-of-range")
    EMPTY = (5, "empty-reduction")
    REQUIRE = (6, "requirement")
    WRAP = (7, "signed-overflow")

    def __init__(self, number: int, label: str) -> None:
        self.number = number
        self.label = label


TRAP_BY_NUMBER = {trap.number: trap for trap in TrapCode}

TRAP_TEXT = {
    TrapCode.PIXEL: "a pixel outside the image was accessed",
    TrapCode.ELEMENT: "an array index was outside the array",
    TrapCode.DIVISION: "an integer was divided by zero",
    TrapCode.NARROW: "a value does not fit the type it is converted to",
    TrapCode.EMPTY: "the least or greatest of no values was asked for",
    TrapCode.WRAP: "a signed result does not fit its type",
}


class Claim(Struct, frozen=True):
    """An interval that a loop-carried i32 local is said to keep: checked to be inductive.

    low <= local <= high, and local <= dimension + offset if `dimension` is given.
    """

    local: int
    low: int
    high: int
    dimension: int | None = None
    offset: int = 0


Immediate = int | ScalarType | Border | Order | Reduction | tuple[Claim, ...] | None


class Instruction(Struct, frozen=True):
    """One instruction: its row, its immediates in the row's order, its source line (0: none)."""

    op: Op
    immediates: tuple[Immediate, ...] = ()
    line: int = 0


def scan_extents(scan: Instruction) -> tuple[int, int]:
    """The dimensions that are the length of a scan's lines, and their number."""
    order, *_, width, height = scan.immediates
    assert isinstance(order, Order)
    assert isinstance(width, int)
    assert isinstance(height, int)
    return (height, width) if order.is_vertical else (width, height)


class ExtentOp(Enum):
    """A step of an extent expression: postfix, over exact integers."""

    CONST = "const"  # push value
    DIMENSION = "dim"  # push the earlier dimension `value`
    PARAMETER = "param"  # push the scalar integer parameter `value`
    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV_FLOOR = "div_floor"
    MIN = "min"
    MAX = "max"


class ExtentTerm(Struct, frozen=True):
    """One postfix step of an extent; `value` belongs to CONST, DIMENSION and PARAMETER."""

    op: ExtentOp
    value: int = 0


class Dimension(Struct, frozen=True):
    """A width or height in pixels: that of an input (`extent` empty), or computed before the run.

    An input dimension belongs to the first `in` image that names it; others that name it are
    demanded to be equal.
    """

    extent: tuple[ExtentTerm, ...] = ()


class Image(Struct, frozen=True):
    """An image: interleaved channels of one type; `width` and `height` index dimensions."""

    name: str
    role: Role
    type: ScalarType
    channels: int
    width: int
    height: int
    doc: str = ""


class Parameter(Struct, frozen=True):
    """A number, a bool or an array of numbers (`length` > 0) that the caller chooses.

    `low`, `high` bound every element; both None means the whole type (floats: any but NaN).
    `default` has max(1, length) elements, or is empty if the parameter must be given.
    """

    name: str
    type: ScalarType
    length: int = 0
    low: int | None = None
    high: int | None = None
    default: tuple[int, ...] = ()
    doc: str = ""


class Array(Struct, frozen=True):
    """A fixed array: of a parameter, of constant data, or a local one (neither given)."""

    type: ScalarType
    length: int
    parameter: int | None = None
    data: tuple[int, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether code may write it."""
        return self.parameter is None and not self.data


class Carry(Struct, frozen=True):
    """A value per pixel that scans carry; it starts at 0.

    For integers `low` and `high` may claim bounds, which the verifier checks at every put.
    """

    type: ScalarType
    low: int | None = None
    high: int | None = None


class Field(Struct, frozen=True):
    """A field of the record that a kernel gives: one column of a table."""

    name: str
    type: ScalarType
    doc: str = ""


class Kernel(Struct, frozen=True):
    """A kernel: its signature, its storage, its code (flat, regions closed by `end`)."""

    name: str
    dimensions: tuple[Dimension, ...] = ()
    images: tuple[Image, ...] = ()  # in, then out, then local
    parameters: tuple[Parameter, ...] = ()
    locals: tuple[ScalarType, ...] = ()
    arrays: tuple[Array, ...] = ()
    carries: tuple[Carry, ...] = ()
    texts: tuple[str, ...] = ()
    code: tuple[Instruction, ...] = ()
    doc: str = ""
    fields: tuple[Field, ...] = ()

    def images_of(self, role: Role) -> tuple[Image, ...]:
        """The images of one role, in order."""
        return tuple(image for image in self.images if image.role is role)


class SourceFile(Struct, frozen=True):
    """A source the module was made from: name and sha256 in hex."""

    name: str
    sha256: str


class Module(Struct, frozen=True):
    """A whole program."""

    kernels: tuple[Kernel, ...]
    doc: str = ""
    sources: tuple[SourceFile, ...] = field(default=())
    version: int = BYTECODE_VERSION
