"""Parameter values: checked against a kernel's signature, in one canonical form.

A value is kept raw (floats as bit patterns), an array as a tuple of raws, so that equal bytes
mean equal parameters: they are part of cache keys. -0 is kept apart from +0; NaN is refused.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping

from vm.bits import from_raw, to_raw
from vm.errors import Refused
from vm.module import Kernel, Parameter
from vm.types import ScalarType

ParameterValues = tuple[tuple[int, ...], ...]
"""For each parameter of the kernel its raw elements: one for a scalar."""


def resolve(kernel: Kernel, values: Mapping[str, object]) -> ParameterValues:
    """The values of all parameters: those given, defaults for the rest.

    Raises `Refused` for unknown names, missing values, wrong types, lengths and ranges.
    """
    known = {parameter.name for parameter in kernel.parameters}
    for name in values:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise Refused(f"kernel '{kernel.name}' has no parameter '{name}' (it has: {listed})")
    return tuple(_one(parameter, values.get(parameter.name)) for parameter in kernel.parameters)


def _one(parameter: Parameter, value: object) -> tuple[int, ...]:
    if value is None:
        if not parameter.default:
            raise Refused(f"parameter '{parameter.name}' must be given")
        return parameter.default
    if not parameter.length:
        return (_raw(parameter, value),)
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise Refused(f"parameter '{parameter.name}' takes {parameter.length} numbers")
    elements = tuple(_raw(parameter, element) for element in value)
    if len(elements) != parameter.length:
        raise Refused(
            f"parameter '{parameter.name}' takes {parameter.length} numbers, not {len(elements)}"
        )
    return elements


def _raw(parameter: Parameter, value: object) -> int:
    number = _number(parameter, value)
    scalar = parameter.type
    raw = to_raw(scalar, number)
    rounded = from_raw(scalar, raw)
    if scalar.is_float and math.isinf(rounded) and not math.isinf(number):
        raise Refused(f"parameter '{parameter.name}' = {number} is too large for {scalar}")
    low, high = bounds(parameter)
    if not low <= rounded <= high:
        raise Refused(f"parameter '{parameter.name}' = {number} is out of its range {low}..={high}")
    return raw


def _number(parameter: Parameter, value: object) -> int | float | bool:
    scalar = parameter.type
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    fits = (
        isinstance(value, bool)
        if scalar.is_bool
        else isinstance(value, int | float) and not isinstance(value, bool)
    )
    if not fits or not isinstance(value, bool | int | float):
        raise Refused(f"parameter '{parameter.name}' takes a {scalar}, not {value!r}")
    if scalar.is_float:
        try:
            value = float(value)
        except OverflowError:
            raise Refused(f"parameter '{parameter.name}' is too large for {scalar}") from None
        if math.isnan(value):
            raise Refused(f"parameter '{parameter.name}' cannot be NaN")
    elif isinstance(value, float):
        if not value.is_integer():
            raise Refused(f"parameter '{parameter.name}' takes a whole number, not {value}")
        value = int(value)
    return value


def bounds(parameter: Parameter) -> tuple[float | int, float | int]:
    """Least and greatest value a parameter (or each of its elements) may have."""
    scalar = parameter.type
    if scalar.is_float:
        low = -math.inf if parameter.low is None else from_raw(scalar, parameter.low)
        high = math.inf if parameter.high is None else from_raw(scalar, parameter.high)
        return low, high
    low = scalar.minimum if parameter.low is None else parameter.low
    high = scalar.maximum if parameter.high is None else parameter.high
    return low, high


def _pattern(scalar: ScalarType, raw: int) -> int:
    return raw & ((1 << 64) - 1) if scalar.is_signed else raw


def to_bytes(kernel: Kernel, values: ParameterValues) -> bytes:
    """Canonical bytes: every element as eight little-endian bytes, in order."""
    patterns = [
        _pattern(parameter.type, raw)
        for parameter, elements in zip(kernel.parameters, values, strict=True)
        for raw in elements
    ]
    return struct.pack(f"<{len(patterns)}Q", *patterns)


def from_bytes(kernel: Kernel, data: bytes) -> ParameterValues:
    """The values that `to_bytes` wrote, checked again. Raises `Refused`."""
    lengths = [max(1, parameter.length) for parameter in kernel.parameters]
    if len(data) != 8 * sum(lengths):
        raise Refused(f"parameters of '{kernel.name}' take {8 * sum(lengths)} bytes")
    patterns = iter(struct.unpack(f"<{sum(lengths)}Q", data))
    values = []
    for parameter, length in zip(kernel.parameters, lengths, strict=True):
        elements = tuple(_unpattern(parameter, next(patterns)) for _ in range(length))
        values.append(elements)
    return tuple(values)


def by_name(kernel: Kernel, values: ParameterValues) -> dict[str, object]:
    """Resolved values as numbers and lists of numbers, as `resolve` takes them."""
    named: dict[str, object] = {}
    for parameter, raws in zip(kernel.parameters, values, strict=True):
        numbers = [from_raw(parameter.type, raw) for raw in raws]
        named[parameter.name] = numbers if parameter.length else numbers[0]
    return named


def _unpattern(parameter: Parameter, pattern: int) -> int:
    scalar = parameter.type
    if scalar.is_signed and pattern >> 63:
        pattern -= 1 << 64
    if scalar.is_float and pattern >> scalar.bits:
        raise Refused(f"parameter '{parameter.name}' is not a {scalar}")
    if scalar.is_bool and pattern > 1:
        raise Refused(f"parameter '{parameter.name}' is not a bool")
    return _raw(parameter, from_raw(scalar, pattern))
