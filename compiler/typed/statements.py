"""Statements of the typed tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from compiler.source import Span
from compiler.symbols import Image, Local, Rows
from compiler.typed.expressions import Expr, Extents, Range
from vm.module import Order

if TYPE_CHECKING:
    from compiler.typed.program import Function


class Declare(Struct, frozen=True):
    """`let` or `var`: the local's first value."""

    local: Local
    value: Expr
    span: Span


class DeclareImage(Struct, frozen=True):
    """A LOCAL image; it starts at zero each time the statement is reached."""

    image: Image
    span: Span


class DeclareRows(Struct, frozen=True):
    """A rows; every scan starts with it all zero."""

    rows: Rows
    span: Span


class Assign(Struct, frozen=True):
    """`local = value`; an op-assignment has been rewritten into this."""

    local: Local
    value: Expr
    span: Span


class AssignElement(Struct, frozen=True):
    """`local[i][j] = value`: one index or more; value has the type of what is replaced.

    An op-assignment has been rewritten into this: its value reads the element again.
    """

    local: Local
    indices: tuple[Expr, ...]
    value: Expr
    span: Span


class AssignField(Struct, frozen=True):
    """`local.field = value`, the local a record."""

    local: Local
    field: str
    value: Expr
    span: Span


class Jump(Struct, frozen=True):
    """`break` or `continue` of the innermost `for`."""

    leaves: bool
    span: Span


class PixelWrite(Struct, frozen=True):
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


class RowsAdd(Struct, frozen=True):
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


class If(Struct, frozen=True):
    """`if condition { then } else { otherwise }`; otherwise may be empty."""

    condition: Expr
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    span: Span


class For(Struct, frozen=True):
    """`for variable in range step step`, step >= 1; bounds are evaluated once."""

    variable: Local
    range: Range
    step: int
    body: tuple[Statement, ...]
    span: Span


class Map(Struct, frozen=True):
    """`map (x, y) in image`: every pixel of that size, in no order."""

    x: Local
    y: Local
    image: Image
    body: tuple[Statement, ...]
    span: Span


class Scan(Struct, frozen=True):
    """`scan (x, y, d) in image`: every pixel, line by line. `d`, 1 or -1, may be left out.

    `serpentine` (a bool, evaluated once) turns odd lines around; None does not.
    """

    x: Local
    y: Local
    d: Local | None
    image: Image
    order: Order
    serpentine: Expr | None
    body: tuple[Statement, ...]
    span: Span


class Require(Struct, frozen=True):
    """`require(condition, "text")`: traps with the text unless the condition holds."""

    condition: Expr
    text: str
    span: Span


class CallStatement(Struct, frozen=True):
    """A call of a function for what it writes; a value it may give is not used."""

    function: Function
    arguments: tuple[Expr | Image, ...]
    extents: Extents
    span: Span


Statement = (
    Declare
    | DeclareImage
    | DeclareRows
    | Assign
    | AssignElement
    | AssignField
    | Jump
    | PixelWrite
    | RowsAdd
    | If
    | For
    | Map
    | Scan
    | Require
    | CallStatement
)
