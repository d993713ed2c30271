"""The types of the language. Scalars are the machine's own; compound types are built from them.

All are immutable and compared by structure. `str(type)` is how the language writes them.
"""

from __future__ import annotations

from msgspec import Struct

from compiler.node import PlacedNode
from vm.types import ScalarType as ScalarType


class ArrayType(Struct, frozen=True):
    """`[element; length]`, length >= 1. An element is a scalar or an array."""

    element: ValueType
    length: int

    def __str__(self) -> str:
        return f"[{self.element}; {self.length}]"


class ArgType(Struct, frozen=True):
    """What argmin and argmax give: `.value`, and `.at` (one binder) or `.x` and `.y` (two)."""

    value: ScalarType
    axes: int

    @property
    def names(self) -> tuple[str, ...]:
        """Its fields."""
        return ("value", "at") if self.axes == 1 else ("value", "x", "y")

    def __str__(self) -> str:
        return f"place of a {self.value}"


class RecordField(PlacedNode, frozen=True):
    """A field of a record: a scalar."""

    name: str
    type: ScalarType
    doc: str = ""


class RecordType(Struct, frozen=True):
    """`record Row { … }`: scalars by name."""

    name: str
    fields: tuple[RecordField, ...]

    def find(self, name: str) -> RecordField | None:
        """The field of this name."""
        return next((field for field in self.fields if field.name == name), None)

    def __str__(self) -> str:
        return self.name


class ImageType(Struct, frozen=True):
    """`image<element>` (channels 1, a pixel is a scalar) or `image<element, channels>`."""

    element: ScalarType
    channels: int = 1

    @property
    def pixel(self) -> ValueType:
        """The type of one pixel: a scalar, or `[element; channels]`."""
        return self.element if self.channels == 1 else ArrayType(self.element, self.channels)

    def __str__(self) -> str:
        return f"image<{self.element}{'' if self.channels == 1 else f', {self.channels}'}>"


class RowsType(Struct, frozen=True):
    """`rows<element, lines>`: what a scan adds up for pixels to come. Lines y … y + lines - 1."""

    element: ValueType
    lines: int

    def __str__(self) -> str:
        return f"rows<{self.element}, {self.lines}>"


class VoidType(Struct, frozen=True):
    """The type of a call that gives nothing."""

    def __str__(self) -> str:
        return "nothing"


class PoisonType(Struct, frozen=True):
    """The type of what has already been diagnosed: fits anywhere, never in a finished tree."""

    def __str__(self) -> str:
        return "unknown"


ValueType = ScalarType | ArrayType | ArgType | RecordType | VoidType | PoisonType
"""What an expression may have. A finished tree holds no poison, and void only for statements."""

Type = ValueType | ImageType | RowsType

VOID = VoidType()
POISON = PoisonType()

BOOL = ScalarType.BOOL
I32 = ScalarType.I32
I64 = ScalarType.I64
U64 = ScalarType.U64
F32 = ScalarType.F32
F64 = ScalarType.F64


def scalar_of(type_: ValueType) -> ScalarType | None:
    """The scalar that a scalar or a (nested) array is made of; None for anything else."""
    while isinstance(type_, ArrayType):
        type_ = type_.element
    return type_ if isinstance(type_, ScalarType) else None


def element_count(type_: ValueType) -> int:
    """How many scalars a scalar or a (nested) array holds."""
    count = 1
    while isinstance(type_, ArrayType):
        count *= type_.length
        type_ = type_.element
    return count
