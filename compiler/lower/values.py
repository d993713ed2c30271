"""What expressions are lowered to: scalars as trees, arrays as elements or as part of a slot."""

from __future__ import annotations

from msgspec import Struct

from compiler import ir
from compiler.passes.fold import add, folded
from vm.opcodes import Op
from vm.types import ScalarType

BOOL = ScalarType.BOOL
U8 = ScalarType.U8


class Elements(Struct, frozen=True):
    """An array value as its flat elements."""

    elements: tuple[ir.Expr, ...]

    @property
    def length(self) -> int:
        """How many scalars."""
        return len(self.elements)


class Slot(Struct, frozen=True):
    """An array value as `length` elements of an array from `base` on.

    `stable`: nothing will assign it while its value may still be asked for. `fresh`: a temporary
    that belongs to whoever takes it. Arrays of bool are kept as u8.
    """

    array: ir.Array
    scalar: ScalarType
    base: ir.Expr
    length: int
    stable: bool
    fresh: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it is all of its array."""
        return self.length == self.array.length


class Place(Struct, frozen=True):
    """What argmin and argmax give: fields by name."""

    fields: dict[str, ir.Expr]


Value = ir.Expr | Elements | Slot | Place
ArrayValue = Elements | Slot


def stored_type(scalar: ScalarType) -> ScalarType:
    """The type of an array's storage."""
    return U8 if scalar is BOOL else scalar


def stored(value: ir.Expr) -> ir.Expr:
    """A scalar as arrays keep it."""
    if value.type is not BOOL:
        return value
    return folded(ir.Operation(Op.CONVERT, (BOOL, U8), (value,)))


def element(value: ArrayValue, index: int, line: int = 0) -> ir.Expr:
    """The element at a constant flat index."""
    if isinstance(value, Elements):
        return value.elements[index]
    return element_at(value, ir.i32(index), line)


def element_at(slot: Slot, index: ir.Expr, line: int = 0) -> ir.Expr:
    """The element of a slot at a flat index."""
    found = folded(ir.Element(slot.array, add(slot.base, index), line))
    if slot.scalar is not BOOL:
        return found
    return folded(ir.Operation(Op.NE, (U8,), (found, ir.Constant(0, U8)), line))
