"""Bit patterns of scalars: how floats are kept in modules, parameters and the arena."""

from __future__ import annotations

import math
import struct

from vm.types import ScalarType

_FLOAT_FORMAT = {ScalarType.F32: ("<f", "<I"), ScalarType.F64: ("<d", "<Q")}
NAN_BITS = {ScalarType.F32: 0x7FC00000, ScalarType.F64: 0x7FF8000000000000}
INFINITY_BITS = {ScalarType.F32: 0x7F800000, ScalarType.F64: 0x7FF0000000000000}


def float_to_bits(scalar: ScalarType, value: float) -> int:
    """The pattern of `value` rounded to nearest even; a NaN becomes the one NaN."""
    if value != value:
        return NAN_BITS[scalar]
    as_float, as_int = _FLOAT_FORMAT[scalar]
    try:
        packed = struct.pack(as_float, value)
    except OverflowError:  # beyond the largest f32: rounds to infinity
        sign = 0x80000000 if value < 0 else 0
        return INFINITY_BITS[scalar] | sign
    return int(struct.unpack(as_int, packed)[0])


def bits_to_float(scalar: ScalarType, bits: int) -> float:
    """The float with this pattern."""
    as_float, as_int = _FLOAT_FORMAT[scalar]
    return float(struct.unpack(as_float, struct.pack(as_int, bits))[0])


def to_raw(scalar: ScalarType, value: float | int | bool) -> int:
    """A Python number as it is kept in a module: itself, or its pattern if a float."""
    return float_to_bits(scalar, float(value)) if scalar.is_float else int(value)


def from_raw(scalar: ScalarType, raw: int) -> int | float | bool:
    """The Python number that a module keeps as `raw`."""
    if scalar.is_float:
        return bits_to_float(scalar, raw)
    return bool(raw) if scalar.is_bool else raw


def is_raw(scalar: ScalarType, raw: int) -> bool:
    """Whether `raw` is a pattern that a module may hold for this type."""
    if scalar.is_float:
        canonical = (raw & ~(1 << (scalar.bits - 1))) <= INFINITY_BITS[scalar]
        return 0 <= raw < 1 << scalar.bits and (canonical or raw == NAN_BITS[scalar])
    return scalar.minimum <= raw <= scalar.maximum


def from_pattern(scalar: ScalarType, pattern: int) -> int | float | bool:
    """The value that a little-endian pattern in memory means; any NaN is the one NaN."""
    if scalar.is_float:
        value = bits_to_float(scalar, pattern)
        return math.nan if value != value else value
    if scalar.is_bool:
        return bool(pattern & 1)
    return pattern - (1 << scalar.bits) if pattern > scalar.maximum else pattern
