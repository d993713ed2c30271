"""The typed tree: what `check` gives and `lower` takes. Its symbols are in `compiler.symbols`.

It is resolved and monomorphised. Names are symbols (compared by identity). Generic functions are
instances, one for each set of generic arguments; equal instances are one object. Constants are
literals. Views are gone: a read says which border it sees. Every expression has its type and its
span, every statement its span.

What lowering may rely on, because `check` refused everything else:

* Operands of `Binary` have one type, except a scaled array (see there). Narrow integers appear in
  no arithmetic but `Op.MIN`, `Op.MAX`, comparisons, `Select`, `Convert` and copies.
* Expressions have no effects; they may trap. They are evaluated left to right; `Logical` and
  `Select` evaluate only what they need.
* Functions do not recurse. `out` image parameters are met only in `CallStatement`s outside of
  pixel loops and reductions. One image is never passed twice to a call that writes it.
* Bodies of `Map`, `Scan` and `Reduce` assign no local declared outside of them; pixel loops do not
  nest, nor stand in reductions (also not through calls: `Function.has_pixel_loop`).
* `PixelWrite.here` is true in `Map` and `Scan`, false elsewhere. The image written there has the
  extents of the loop's image, as `Extent`s.
* `RowsRead` and `RowsAdd` stand in scans only, over an image as wide as the rows. A rows is used
  in one scan at a time; within one pixel its read comes before any addition to (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compiler.source import Source, Span
from compiler.symbols import Axis, Image, ImageRole, Local, Parameter, Rows, Value
from compiler.types import ValueType
from vm.module import Border, Reduction
from vm.opcodes import Op

if TYPE_CHECKING:
    from compiler.diagnostics import Diagnostic
    from compiler.testblocks import TypedTest


@dataclass(frozen=True, slots=True)
class Literal:
    """A scalar constant."""

    value: Value
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class ConstantArray:
    """An array of constants, flat: `[[a, b], [c, d]]` is (a, b, c, d)."""

    values: tuple[Value, ...]
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class LocalRead:
    """The value of a local: scalar, array or place."""

    local: Local
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class ParameterRead:
    """The value of a kernel's parameter."""

    parameter: Parameter
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class DimensionRead:
    """`image.width` or `image.height`, an i32."""

    image: Image
    axis: Axis
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class PixelRead:
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


@dataclass(frozen=True, slots=True)
class RowsRead:
    """`rows[x, y]`: what has been added so far to the pixel the scan is at."""

    rows: Rows
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """`op` is NEG, NOT (bool or bits), ABS, SQRT, FLOOR, CEIL, TRUNC or NEAREST, on a scalar.

    On an array: NEG, element by element.
    """

    op: Op
    operand: Expr
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, bits, shifts, min, max or a comparison (EQ … GE, type bool) of two scalars.

    If `type` is an array, `op` is ADD, SUB or MUL of two such arrays, element by element, or
    scales: MUL with a scalar of the array's scalar type on either side, DIV with one on the right.
    """

    op: Op
    left: Expr
    right: Expr
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class Logical:
    """`left && right` (`conjunction`) or `left || right`: right is evaluated only if it matters."""

    conjunction: bool
    left: Expr
    right: Expr
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class Convert:
    """From the operand's scalar to that of `type`; arrays element by element.

    `op` is CONVERT, WRAP, SATURATE, NARROW or BITS, such that the machine's row admits it: a
    conversion to the same type is not there at all; `u8(v)` is CONVERT where u8 holds the whole
    of v's type (also from bool), else NARROW; a float source is CONVERT (saturating).
    """

    op: Op
    operand: Expr
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class Select:
    """`if condition { then } else { otherwise }` as an expression, of any value type."""

    condition: Expr
    then: Expr
    otherwise: Expr
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    """`[a, b, c]`: elements of the array's element type."""

    elements: tuple[Expr, ...]
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class ArrayFill:
    """`[value; N]`: every element is `value`, evaluated once."""

    value: Expr
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`[body for variable in start..start + length]`; the length is that of the array type."""

    variable: Local
    start: int
    body: Expr
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class Index:
    """`array[index]`; the index is an i32. The array may itself be an `Index` or a pixel."""

    array: Expr
    index: Expr
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class PlaceField:
    """A field of what argmin and argmax give: "value", or "at", "x", "y" (i32)."""

    operand: Expr
    field: str
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class Range:
    """`start..end`, end excluded (a `..=` has been rewritten), both i32."""

    start: Expr
    end: Expr


@dataclass(frozen=True, slots=True)
class Reduce:
    """`sum(body for i in a..b)` (one variable, a `Range`) or `… for (x, y) in image` (two).

    The body of COUNT is a bool. MIN and MAX bodies may be narrow. ARGMIN, ARGMAX: an `ArgType`.
    """

    kind: Reduction
    variables: tuple[Local, ...]
    domain: Range | Image
    body: Expr
    type: ValueType
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function that gives a value. Arguments stand in the order of its parameters."""

    function: Function
    arguments: tuple[Expr | Image, ...]
    type: ValueType
    span: Span


Expr = (
    Literal
    | ConstantArray
    | LocalRead
    | ParameterRead
    | DimensionRead
    | PixelRead
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
    | PlaceField
    | Reduce
    | Call
)


@dataclass(frozen=True, slots=True)
class Declare:
    """`let` or `var`: the local's first value."""

    local: Local
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class DeclareImage:
    """A LOCAL image; it starts at zero each time the statement is reached."""

    image: Image
    span: Span


@dataclass(frozen=True, slots=True)
class DeclareRows:
    """A rows; every scan starts with it all zero."""

    rows: Rows
    span: Span


@dataclass(frozen=True, slots=True)
class Assign:
    """`local = value`; an op-assignment has been rewritten into this."""

    local: Local
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class AssignElement:
    """`local[i][j] = value`: one index or more; value has the type of what is replaced.

    An op-assignment has been rewritten into this: its value reads the element again.
    """

    local: Local
    indices: tuple[Expr, ...]
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class PixelWrite:
    """`image[x, y] = value`, to an OUT or LOCAL image.

    `here`: the pixel of the enclosing map or scan. `drop`: outside of the image it does nothing
    (never with `here`). `channel`: only that one is written, and value is a scalar.
    """

    image: Image
    x: Expr
    y: Expr
    channel: int | None
    value: Expr
    here: bool
    drop: bool
    span: Span


@dataclass(frozen=True, slots=True)
class RowsAdd:
    """`rows[x + ahead·d, y + down] += value` (`-=` if `negate`); 0 <= down < lines, and causal.

    `ahead` counts along the direction of travel of the line the scan is on: 1 is the next pixel.
    `drop`: where that is outside of the image nothing is added; otherwise it is known to be inside
    (ahead is 0) or only below the last line, where it is never read.
    """

    rows: Rows
    ahead: int
    down: int
    negate: bool
    value: Expr
    drop: bool
    span: Span


@dataclass(frozen=True, slots=True)
class If:
    """`if condition { then } else { otherwise }`; otherwise may be empty."""

    condition: Expr
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class For:
    """`for variable in range step step`, step >= 1; bounds are evaluated once."""

    variable: Local
    range: Range
    step: int
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Map:
    """`map (x, y) in image`: every pixel of that size, in no order."""

    x: Local
    y: Local
    image: Image
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Scan:
    """`scan (x, y, d) in image`: every pixel, line by line. `d`, 1 or -1, may be left out.

    `serpentine` (a bool, evaluated once) turns odd lines around; None is raster order.
    """

    x: Local
    y: Local
    d: Local | None
    image: Image
    serpentine: Expr | None
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Require:
    """`require(condition, "text")`: traps with the text unless the condition holds."""

    condition: Expr
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class CallStatement:
    """A call of a function for what it writes; a value it may give is not used."""

    function: Function
    arguments: tuple[Expr | Image, ...]
    span: Span


Statement = (
    Declare
    | DeclareImage
    | DeclareRows
    | Assign
    | AssignElement
    | PixelWrite
    | RowsAdd
    | If
    | For
    | Map
    | Scan
    | Require
    | CallStatement
)


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """One instance of a function. `result` is what its closing `return` gives, None for nothing.

    `label` names the instance in listings: `gauss<11>`.
    """

    name: str
    label: str
    parameters: tuple[Local | Image, ...]
    body: tuple[Statement, ...]
    result: Expr | None
    type: ValueType
    has_pixel_loop: bool
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A kernel. `images` are its IN and OUT images, `parameters` its params, as declared."""

    name: str
    images: tuple[Image, ...]
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    doc: str
    span: Span

    @property
    def inputs(self) -> tuple[Image, ...]:
        """The IN images."""
        return tuple(image for image in self.images if image.role is ImageRole.IN)

    @property
    def outputs(self) -> tuple[Image, ...]:
        """The OUT images."""
        return tuple(image for image in self.images if image.role is ImageRole.OUT)


@dataclass(frozen=True, slots=True, eq=False)
class TypedProgram:
    """A checked program: the kernels and tests of its main source.

    `functions` are the instances reachable from them, callees before callers; `sources` all files
    it was made from, the main one first. `warnings` are diagnostics that do not stop anything.
    """

    source: Source
    doc: str
    kernels: tuple[Kernel, ...]
    functions: tuple[Function, ...]
    tests: tuple[TypedTest, ...]
    sources: tuple[Source, ...]
    warnings: tuple[Diagnostic, ...] = ()
