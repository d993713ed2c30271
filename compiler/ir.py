"""The intermediate form: scalar expressions as trees, structured statements, virtual registers.

Everything is inlined: no calls, no views, no compound values. Expressions have no effects, are
evaluated left to right, and are compared by structure (lines do not count); constants are raw,
so that -0 and +0 differ. Registers, arrays, images and rows are compared by identity.
"""

from __future__ import annotations

from msgspec import Struct

from compiler.node import PlacedNode
from vm.bits import from_raw, to_raw
from vm.module import Border, Claim, Dimension, Field, Order, Parameter, Reduction, Role
from vm.opcodes import Op
from vm.types import ScalarType

COMPARISONS = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE})


class Register(Struct, frozen=True, eq=False):
    """A virtual register; becomes a local of the kernel."""

    type: ScalarType
    name: str = ""


class Array(Struct, frozen=True, eq=False):
    """An array: of a parameter, of constants (raw), or a local one."""

    type: ScalarType
    length: int
    parameter: int | None = None
    data: tuple[int, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether it is ever written."""
        return self.parameter is None and not self.data


class Image(Struct, frozen=True, eq=False):
    """An image of the kernel; `width` and `height` are indices of dimensions."""

    name: str
    role: Role
    type: ScalarType
    channels: int
    width: int
    height: int
    doc: str = ""


class Rows(Struct, frozen=True, eq=False):
    """What a scan adds up for pixels to come: `channels` numbers of one type a pixel."""

    name: str
    type: ScalarType
    channels: int


# Expressions.


class Constant(Struct, frozen=True):
    """A constant, kept raw as in a module."""

    raw: int
    type: ScalarType

    @property
    def value(self) -> int | float | bool:
        """The number itself."""
        return from_raw(self.type, self.raw)


class Read(Struct, frozen=True):
    """The value of a register."""

    register: Register

    @property
    def type(self) -> ScalarType:
        """The register's type."""
        return self.register.type


class ParameterValue(Struct, frozen=True):
    """A scalar parameter."""

    index: int
    type: ScalarType


class DimensionValue(Struct, frozen=True):
    """A width or height."""

    index: int

    @property
    def type(self) -> ScalarType:
        """Sizes are i32."""
        return ScalarType.I32


class Operation(PlacedNode, frozen=True):
    """Arithmetic: `types` are the type immediates, one, or two for conversions."""

    op: Op
    types: tuple[ScalarType, ...]
    arguments: tuple[Expr, ...]
    line: int = 0

    @property
    def type(self) -> ScalarType:
        """Comparisons give a bool."""
        return ScalarType.BOOL if self.op in COMPARISONS else self.types[-1]


class Element(PlacedNode, frozen=True):
    """`array[index]`."""

    array: Array
    index: Expr
    line: int = 0

    @property
    def type(self) -> ScalarType:
        """The array's type."""
        return self.array.type


class Pixel(PlacedNode, frozen=True):
    """A channel of `image[x, y]`; `fill` is what is seen outside (the border is then ZERO).

    `safe`: the coordinates are the enclosing pixel loop's own, over the image's extents; the image
    may then be one that the loop writes.
    """

    image: Image
    channel: int
    border: Border
    fill: Expr | None
    x: Expr
    y: Expr
    safe: bool = False
    line: int = 0

    @property
    def type(self) -> ScalarType:
        """The image's type."""
        return self.image.type


class CarryValue(Struct, frozen=True):
    """What was carried at (ahead, down)."""

    carry: Register
    ahead: int
    down: int

    @property
    def type(self) -> ScalarType:
        """The carry's type."""
        return self.carry.type


class CarryHas(Struct, frozen=True):
    """Whether the scan has a pixel at (ahead, down)."""

    ahead: int
    down: int

    @property
    def type(self) -> ScalarType:
        """A bool."""
        return ScalarType.BOOL


class RowsValue(Struct, frozen=True):
    """What has been added to this pixel; the pass `gather` replaces it."""

    rows: Rows
    channel: int

    @property
    def type(self) -> ScalarType:
        """The type of the rows."""
        return self.rows.type


Expr = (
    Constant
    | Read
    | ParameterValue
    | DimensionValue
    | Operation
    | Element
    | Pixel
    | CarryValue
    | CarryHas
    | RowsValue
)

Atom = Constant | Read | ParameterValue | DimensionValue
"""What costs nothing to name again."""


# Statements.


class Set(Struct, frozen=True):
    """register := value."""

    register: Register
    value: Expr
    line: int = 0


class SetElement(Struct, frozen=True):
    """array[index] := value."""

    array: Array
    index: Expr
    value: Expr
    line: int = 0


class FillArray(Struct, frozen=True):
    """Every element := value."""

    array: Array
    value: Expr
    line: int = 0


class CopyArray(Struct, frozen=True):
    """target := source, of the same shape."""

    target: Array
    source: Array
    line: int = 0


class Put(Struct, frozen=True):
    """A channel of the image, at the pixel of the enclosing map or scan, := value."""

    image: Image
    channel: int
    value: Expr
    line: int = 0


class Store(Struct, frozen=True):
    """A channel of image[x, y] := value; outside it traps, or does nothing if `drop`."""

    image: Image
    channel: int
    x: Expr
    y: Expr
    value: Expr
    drop: bool
    line: int = 0


class Clear(Struct, frozen=True):
    """Every pixel := 0."""

    image: Image
    line: int = 0


class PutCarry(Struct, frozen=True):
    """The carry of the pixel the scan is at := value."""

    carry: Register
    value: Expr
    line: int = 0


class AddRows(Struct, frozen=True):
    """rows[x + ahead·d, y + down] += value; the pass `gather` replaces it."""

    rows: Rows
    channel: int
    ahead: int
    down: int
    negate: bool
    value: Expr
    line: int = 0


class Require(Struct, frozen=True):
    """Traps with the text unless the condition holds."""

    condition: Expr
    text: str
    line: int = 0


class Give(Struct, frozen=True):
    """A field of the kernel's record := value."""

    field: int
    value: Expr
    line: int = 0


class Yield(Struct, frozen=True):
    """Ends the body of a reduction: the value to fold in."""

    value: Expr
    line: int = 0


class If(Struct, frozen=True):
    """One of two blocks."""

    condition: Expr
    then: Block
    otherwise: Block
    line: int = 0


class For(Struct, frozen=True):
    """variable := start, start + step, … while below end."""

    variable: Register
    start: Expr
    end: Expr
    step: int
    body: Block
    claims: tuple[tuple[Register, Claim], ...] = ()
    line: int = 0


class Map(Struct, frozen=True):
    """Every pixel of the extents, in no order."""

    x: Register
    y: Register
    width: int
    height: int
    body: Block
    line: int = 0


class Scan(Struct, frozen=True):
    """Every pixel, line by line; `serpentine` turns odd lines around."""

    x: Register
    y: Register
    d: Register
    width: int
    height: int
    serpentine: Expr
    body: Block
    order: Order = Order.ROWS
    line: int = 0


class Reduce(Struct, frozen=True):
    """Fold what the body yields, over a range (one variable) or over pixels (two).

    `targets` are assigned the result: the value, then for ARGMIN and ARGMAX the place. `start`
    and `end` are given for a range, `extents` (dimension indices) for pixels.
    """

    kind: Reduction
    type: ScalarType
    variables: tuple[Register, ...]
    start: Expr | None
    end: Expr | None
    extents: tuple[int, int] | None
    body: Block
    targets: tuple[Register, ...]
    line: int = 0


Statement = (
    Set
    | SetElement
    | FillArray
    | CopyArray
    | Put
    | Store
    | Clear
    | PutCarry
    | AddRows
    | Require
    | Give
    | Yield
    | If
    | For
    | Map
    | Scan
    | Reduce
)
Block = tuple[Statement, ...]
PixelLoop = Map | Scan
Loop = For | Map | Scan | Reduce


class Kernel(Struct, frozen=True):
    """A kernel in intermediate form. `images` are its IN and OUT images; others are in the body."""

    name: str
    doc: str
    dimensions: tuple[Dimension, ...]
    images: tuple[Image, ...]
    parameters: tuple[Parameter, ...]
    body: Block
    fields: tuple[Field, ...] = ()


def constant(value: int | float | bool, scalar: ScalarType) -> Constant:
    """A constant from a Python number."""
    return Constant(to_raw(scalar, value), scalar)


def i32(value: int) -> Constant:
    """An i32 constant."""
    return Constant(value, ScalarType.I32)
