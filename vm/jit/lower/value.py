"""Values while code is walked: a known constant, or an LLVM value with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

from vm.bits import bits_to_float, float_to_bits
from vm.types import ScalarType

LLVM_TYPE = {
    ScalarType.BOOL: "i1",
    ScalarType.U8: "i8",
    ScalarType.I8: "i8",
    ScalarType.U16: "i16",
    ScalarType.I16: "i16",
    ScalarType.U32: "i32",
    ScalarType.I32: "i32",
    ScalarType.U64: "i64",
    ScalarType.I64: "i64",
    ScalarType.F32: "float",
    ScalarType.F64: "double",
}


def kind_of(scalar: ScalarType, lanes: int = 0) -> str:
    """The LLVM type of a scalar, or of a vector of so many."""
    return f"<{lanes} x {LLVM_TYPE[scalar]}>" if lanes else LLVM_TYPE[scalar]


def spread_literal(kind: str, text: str) -> str:
    """A constant of the scalar type `kind` in every lane of a vector."""
    return f"splat ({kind} {text})"


Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Affine:
    """A coordinate of the running pixel plus a constant: axis 0 is x, axis 1 is y."""

    axis: int
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A scalar.

    `raw` is given for constants (floats as bit patterns), `text` for the rest. An i32 may also
    be there as a sign-extended i64, `wide`, which addresses are made of. `low..=high` are bounds
    of an integer. `late` marks what depends on the pixel before it in a scan; an integer sum may
    be split into (early, late) operands, so that the early part waits for nothing. With `lanes`
    it is a vector of so many; a constant or a bound is then that of every lane.

    Of a float, `span` are finite bounds if it surely is a number (`vm.jit.lower.spans`), `whole`
    the integer it was made of without rounding, `root_of` the integer whose square root it is.

    Of lanes, `as_byte` is the same number as an u8 if it was made of one, and `periodic` what is
    the same in every vector of a line and agrees in all bits below the number of lanes.
    """

    type: ScalarType
    text: str = ""
    raw: int | None = None
    wide: str | None = None
    low: int = 0
    high: int = 0
    affine: Affine | None = None
    late: bool = False
    split: tuple[str, str] | None = None
    lanes: int = 0
    span: Span | None = None
    whole: Value | None = None
    root_of: Value | None = None
    as_byte: Value | None = None
    periodic: Value | None = None

    @property
    def kind(self) -> str:
        """Its LLVM type."""
        return kind_of(self.type, self.lanes)

    @property
    def flag(self) -> str:
        """The LLVM type of a comparison of it."""
        return kind_of(ScalarType.BOOL, self.lanes)

    def filled(self, number: int) -> str:
        """An integer constant of its type, in every lane, as an operand."""
        scalar = LLVM_TYPE[self.type]
        return spread_literal(scalar, str(number)) if self.lanes else str(number)

    @property
    def suffix(self) -> str:
        """Its type as names of LLVM's intrinsics end: `f32`, `v16i32`."""
        name = f"{'f' if self.type.is_float else 'i'}{1 if self.type.is_bool else self.type.bits}"
        return f"v{self.lanes}{name}" if self.lanes else name

    @property
    def is_constant(self) -> bool:
        """Whether the value is known."""
        return self.raw is not None


def constant(scalar: ScalarType, raw: int) -> Value:
    """A known value."""
    return Value(scalar, raw=raw, low=raw, high=raw)


def bounded(scalar: ScalarType) -> tuple[int, int]:
    """What an integer of the type can be at all (0, 0 for floats)."""
    return (0, 0) if scalar.is_float else (scalar.minimum, scalar.maximum)


def literal(scalar: ScalarType, raw: int) -> str:
    """LLVM's text of a constant."""
    if scalar.is_bool:
        return "true" if raw else "false"
    if scalar is ScalarType.F32:
        return float_literal(raw)
    if scalar is ScalarType.F64:
        return f"0x{raw:016X}"
    return str(signed(raw, scalar.bits))


def float_literal(bits: int) -> str:
    """A binary32 as LLVM writes it: the pattern of the same number in binary64."""
    as_double = float_to_bits(ScalarType.F64, bits_to_float(ScalarType.F32, bits))
    return f"0x{as_double:016X}"


def signed(pattern: int, bits: int) -> int:
    """A bit pattern read as two's complement."""
    pattern &= (1 << bits) - 1
    return pattern - (1 << bits) if pattern >> (bits - 1) else pattern


def same(a: Value | None, b: Value | None) -> bool:
    """Whether two values are surely the same, and as much is known of both."""
    if a is b:
        return True
    if a is None or b is None:
        return False
    if a.is_constant or b.is_constant:
        return a.raw == b.raw and a.type is b.type
    return (a.text, a.low, a.high) == (b.text, b.low, b.high)
