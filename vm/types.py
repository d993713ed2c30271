"""The scalar types of the machine.

Compute types take part in arithmetic. Narrow types live in images and arrays; they may be
copied, compared, selected and put through min and max, and convert before anything else.
"""

from __future__ import annotations

from enum import Enum


class ScalarType(Enum):
    """A scalar type: its code in the encoding, its name, its size and its kind."""

    BOOL = (0, "bool", 8, "bool")
    U8 = (1, "u8", 8, "unsigned")
    I8 = (2, "i8", 8, "signed")
    U16 = (3, "u16", 16, "unsigned")
    I16 = (4, "i16", 16, "signed")
    U32 = (5, "u32", 32, "unsigned")
    I32 = (6, "i32", 32, "signed")
    U64 = (7, "u64", 64, "unsigned")
    I64 = (8, "i64", 64, "signed")
    F32 = (9, "f32", 32, "float")
    F64 = (10, "f64", 64, "float")

    def __init__(self, code: int, label: str, bits: int, kind: str) -> None:
        self.code = code
        self.label = label
        self.bits = bits
        self.kind = kind
        self.size_bytes = bits // 8
        self.is_bool = kind == "bool"
        self.is_float = kind == "float"
        self.is_signed = kind == "signed"
        self.is_integer = kind in ("signed", "unsigned")
        self.is_narrow = self.is_integer and bits < 32
        self.is_compute = not self.is_narrow
        # Least and greatest value of an integer type; 0 and 1 for bool, unused for floats.
        self.minimum = -(1 << (bits - 1)) if kind == "signed" else 0
        self.maximum = 1 if kind == "bool" else (1 << (bits - self.is_signed)) - 1

    @property
    def with_article(self) -> str:
        """As a sentence has it: a u8, an i32, an f64."""
        return f"{'an' if self.label[0] in 'if' else 'a'} {self.label}"

    def __str__(self) -> str:
        return self.label


BY_CODE = {scalar.code: scalar for scalar in ScalarType}
BY_NAME = {scalar.label: scalar for scalar in ScalarType}

ALL = frozenset(ScalarType)
INTEGERS = frozenset(t for t in ScalarType if t.is_integer)
COMPUTE_INTEGERS = frozenset(t for t in INTEGERS if t.is_compute)
FLOATS = frozenset(t for t in ScalarType if t.is_float)
COMPUTE_NUMBERS = COMPUTE_INTEGERS | FLOATS
NUMBERS = INTEGERS | FLOATS
COMPUTE_SIGNED = frozenset(t for t in COMPUTE_INTEGERS if t.is_signed) | FLOATS
BITWISE = COMPUTE_INTEGERS | {ScalarType.BOOL}
PIXELS = NUMBERS  # images and arrays hold numbers; a mask is a u8 image
