"""What floats can be: bounds of those that surely are numbers.

Rounded arithmetic is monotone, so what an operation gives at the ends of its operands' spans bounds
all it gives in between; ends are worked out by the meaning that constants are folded by. A float
with a span is never NaN, and its conversion to integers need not saturate.

An image's floats have the span of all that was written into it so far.
"""

from __future__ import annotations

from itertools import product
from math import isfinite

from vm.bits import bits_to_float
from vm.jit.lower.state import Lowering
from vm.jit.lower.value import Span, Value
from vm.module import Role
from vm.opcodes import Op
from vm.scalar import MEANING
from vm.types import ScalarType

WRITES = frozenset({Op.PUT, Op.STORE, Op.STORE_DROP, Op.CLEAR})
ROOTS_IN_F32 = 1 << 24  # integers below are f32 numbers, and the f32 nearest to one's root is less
# than any greater whole number: m * m - 1 has a root more than half a step of f32 below m


def span_of(value: Value) -> Span | None:
    """The bounds of a float, or of an integer; None for floats that may be NaN or infinite."""
    if not value.type.is_float:
        return float(value.low), float(value.high)
    if value.raw is None:
        return value.span
    number = bits_to_float(value.type, value.raw)
    return (number, number) if isfinite(number) else None


def joined(a: Span | None, b: Span | None) -> Span | None:
    """What holds of either of two floats."""
    return None if a is None or b is None else (min(a[0], b[0]), max(a[1], b[1]))


def result(op: Op, scalar: ScalarType, *operands: Value) -> Span | None:
    """The span of a float operation's result."""
    spans = [span_of(operand) for operand in operands]
    known = [span for span in spans if span is not None]
    if len(known) < len(spans):
        return None
    if op is Op.DIV and known[1][0] <= 0 <= known[1][1]:
        return None
    if op is Op.SQRT and known[0][0] < 0:
        return None
    ends = [float(MEANING[op](scalar, *corner)) for corner in product(*known)]
    if not all(map(isfinite, ends)):
        return None
    through_zero = op is Op.ABS and known[0][0] < 0 < known[0][1]
    return 0.0 if through_zero else min(ends), max(ends)


def converted(value: Value, target: ScalarType) -> Span | None:
    """The span of an integer or a float as a float."""
    ends = (value.low, value.high) if not value.type.is_float else span_of(value)
    if ends is None:
        return None
    low, high = (float(MEANING[Op.CONVERT](value.type, target, end)) for end in ends)
    return (low, high) if isfinite(low) and isfinite(high) else None


def is_exact(value: Value, target: ScalarType) -> bool:
    """Whether an integer is the same number as a float."""
    most = 1 << (24 if target.bits == 32 else 53)
    return -most <= value.low and value.high <= most


def of_elements(scalar: ScalarType, raws: tuple[int, ...]) -> Span | None:
    """The span of a table's floats."""
    numbers = [bits_to_float(scalar, raw) for raw in raws]
    return (min(numbers), max(numbers)) if all(map(isfinite, numbers)) else None


# Images.


def note_written(low: Lowering, image: int, value: Value) -> None:
    """A float is written into an image."""
    span = span_of(value)
    low.image_spans[image] = joined(low.image_spans.get(image, span), span)


def of_image(low: Lowering, image: int, position: int) -> Span | None:
    """The span of the floats that a read there may see."""
    declared = low.kernel.images[image]
    if not declared.type.is_float or declared.role is Role.IN:
        return None
    if (image, position) not in low.late_writes:
        low.late_writes[image, position] = _is_written_around(low, image, position)
    return None if low.late_writes[image, position] else low.image_spans.get(image)


def _is_written_around(low: Lowering, image: int, position: int) -> bool:
    """Whether a loop around this instruction writes the image: then more may come into it."""
    return any(
        region.start < position < region.end
        and any(
            step.op in WRITES and step.immediates[0] == image
            for step in low.kernel.code[region.start : region.end]
        )
        for region in low.regions.values()
    )
