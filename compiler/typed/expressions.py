"""Expressions of the typed tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from compiler.source import Span
from compiler.symbols import Axis, Extent, Image, Local, Parameter, Rows, Value
from compiler.types import ValueType
from vm.module import Border, Reduction
from vm.opcodes import Op

if TYPE_CHECKING:
    from compiler.typed.program import Function


Extents = tuple[tuple[Parameter, Extent], ...]


class Literal(Struct, frozen=True):
    """A scalar constant."""

    value: Value
    type: ValueType
    span: Span


class ConstantArray(Struct, frozen=True):
    """An array of constants, flat: `[[a, b], [c, d]]` is (a, b, c, d)."""

    values: tuple[Value, ...]
    type: ValueType
    span: Span


class LocalRead(Struct, frozen=True):
    """The value of a local: scalar, array or place."""

    local: Local
    type: ValueType
    span: Span


class ParameterRead(Struct, frozen=True):
    """The value of a kernel's parameter."""

    parameter: Parameter
    type: ValueType
    span: Span


class DimensionRead(Struct, frozen=True):
    """`image.width` or `image.height`, an i32."""

    image: Image
    axis: Axis
    type: ValueType
    span: Span


class PixelRead(Struct, frozen=True):
    """`image[x, y]` through a border; `fill` is given for `.or(v)` (then border is ZERO).

    A pixel of several channels is an array. Coordinates are i32, evaluated x, y, then fill.
    """

    image: Image
    border: Border
    fill: Expr | None
    x: Expr
    y: Expr
    type: ValueType
    span: Span


class OwnRead(Struct, frozen=True):
    """`image[x, y]` at the pixel of the enclosing map or scan, which may have written it."""

    image: Image
    type: ValueType
    span: Span


class CarriedRead(Struct, frozen=True):
    """A pixel of an image that the enclosing scan writes, gone by at (ahead, down).

    Outside of the image it is `fill`, or 0. `down` is 0 or below; with 0, `ahead` is below 0.
    """

    image: Image
    ahead: int
    down: int
    fill: Expr | None
    type: ValueType
    span: Span


class RowsRead(Struct, frozen=True):
    """`rows[x, y]`: what has been added so far to the pixel the scan is at."""

    rows: Rows
    type: ValueType
    span: Span


class Unary(Struct, frozen=True):
    """`op` is NEG, NOT (bool or bits), ABS, SQRT, FLOOR, CEIL, TRUNC or NEAREST, on a scalar.

    On an array: NEG, element by element.
    """

    op: Op
    operand: Expr
    type: ValueType
    span: Span


class Binary(Struct, frozen=True):
    """Arithmetic, bits, shifts, min, max or a comparison (EQ … GE, type bool) of two scalars.

    If `type` is an array, `op` is ADD, SUB or MUL of two such arrays, element by element, or
    scales: MUL with a scalar of the array's scalar type on either side, DIV with one on the right.
    """

    op: Op
    left: Expr
    right: Expr
    type: ValueType
    span: Span


class Logical(Struct, frozen=True):
    """`left && right` (`conjunction`) or `left || right`: right is evaluated only if it matters."""

    conjunction: bool
    left: Expr
    right: Expr
    type: ValueType
    span: Span


class Convert(Struct, frozen=True):
    """From the operand's scalar to that of `type`; arrays element by element.

    `op` is CONVERT, WRAP, SATURATE, NARROW or BITS, such that the machine's row admits it: a
    conversion to the same type is not there at all; `u8(v)` is CONVERT where u8 holds the whole
    of v's type (also from bool), else NARROW; a float source is CONVERT (saturating).
    """

    op: Op
    operand: Expr
    type: ValueType
    span: Span


class Select(Struct, frozen=True):
    """`if condition { then } else { otherwise }` as an expression, of any value type."""

    condition: Expr
    then: Expr
    otherwise: Expr
    type: ValueType
    span: Span


class ArrayLiteral(Struct, frozen=True):
    """`[a, b, c]`: elements of the array's element type."""

    elements: tuple[Expr, ...]
    type: ValueType
    span: Span


class ArrayFill(Struct, frozen=True):
    """`[value; N]`: every element is `value`, evaluated once."""

    value: Expr
    type: ValueType
    span: Span


class Comprehension(Struct, frozen=True):
    """`[body for variable in start..start + length]`; the length is that of the array type."""

    variable: Local
    start: int
    body: Expr
    type: ValueType
    span: Span


class Index(Struct, frozen=True):
    """`array[index]`; the index is an i32. The array may itself be an `Index` or a pixel."""

    array: Expr
    index: Expr
    type: ValueType
    span: Span


class RecordLiteral(Struct, frozen=True):
    """`Row(e: 0.0, dx: 1.0)`: values in the order of the record's fields.

    They are evaluated in the order in which `written` names them (indices of fields).
    """

    values: tuple[Expr, ...]
    written: tuple[int, ...]
    type: ValueType
    span: Span


class FieldRead(Struct, frozen=True):
    """A field of a record, or of what argmin and argmax give: "value", or "at", "x", "y" (i32)."""

    operand: Expr
    field: str
    type: ValueType
    span: Span


class Range(Struct, frozen=True):
    """`start..end`, end excluded (a `..=` has been rewritten), both i32."""

    start: Expr
    end: Expr


class Reduce(Struct, frozen=True):
    """`sum(body for i in a..b)` (a `Range`), `… for y in a..b for x in c..d` (two of them, the
    first is the outer one), or `… for (x, y) in image`.

    Variables are x, y for an image, else one for each range, in order. The body of COUNT is a
    bool. MIN and MAX bodies may be narrow. ARGMIN, ARGMAX: an `ArgType`.
    """

    kind: Reduction
    variables: tuple[Local, ...]
    domain: tuple[Range, ...] | Image
    body: Expr
    type: ValueType
    span: Span


class Call(Struct, frozen=True):
    """A call of a function that gives a value. Arguments stand in the order of its parameters.

    `extents` are the sizes that a called kernel's parameters stand for (`Function.sizing`).
    """

    function: Function
    arguments: tuple[Expr | Image, ...]
    extents: Extents
    type: ValueType
    span: Span


Expr = (
    Literal
    | ConstantArray
    | LocalRead
    | ParameterRead
    | DimensionRead
    | PixelRead
    | OwnRead
    | CarriedRead
    | RowsRead
    | Unary
    | Binary
    | Logical
    | Convert
    | Select
    | ArrayLiteral
    | ArrayFill
    | Comprehension
    | Index
    | RecordLiteral
    | FieldRead
    | Reduce
    | Call
)
