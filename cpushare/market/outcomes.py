"""From what a kernel gave to an `Outcome`, and back: the same bits are the same outcome.

    seller   outcome_of(kernel, outputs, keep)   or outcome_of_trap(trap)
    buyer    outputs_from(kernel, outcome, blobs): `Outputs`, or raises the `Trap`

Values of the record travel as bit patterns. A trap travels as `code:kernel:instruction:line:text`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from cpushare.market.errors import BadMessage
from cpushare.market.messages import Outcome
from cpushare.market.rasters import decode_raster, encode_raster
from vm.bits import from_pattern, to_raw
from vm.errors import Trap
from vm.inputs import Number, Outputs, dtype_of
from vm.module import Kernel, Role
from vm.types import ScalarType

TRAP_LENGTH = 1000
"""Characters of a trap at the most: a longer text is cut, by everybody at the same place."""
V = TypeVar("V")
_TRAP = re.compile(r"([a-z-]{1,40}):(\w{1,64}):(\d{1,9}):(\d{1,9}):(.*)", re.DOTALL)


def pattern_of(scalar: ScalarType, value: Number) -> int:
    """The bits of a record's value, as `vm.bits.from_pattern` reads them."""
    return to_raw(scalar, value) & ((1 << 8 * scalar.size_bytes) - 1)


def outcome_of(kernel: Kernel, outputs: Outputs, keep: Callable[[bytes], str]) -> Outcome:
    """The outcome of a run; `keep` is given each out image's blob, and gives its name."""
    images = {
        image.name: keep(encode_raster(outputs[image.name])) for image in kernel.images_of(Role.OUT)
    }
    record = {
        field.name: pattern_of(field.type, outputs.record[field.name]) for field in kernel.fields
    }
    return Outcome(images, record)


def outcome_of_trap(trap: Trap) -> Outcome:
    """The outcome of a run that a trap ended."""
    return Outcome(trap=trap_text(trap))


def trap_text(trap: Trap) -> str:
    """A trap in its canonical form."""
    whole = f"{trap.code}:{trap.kernel}:{trap.instruction}:{trap.line}:{trap.text}"
    return whole[:TRAP_LENGTH]


def read_trap(text: str) -> Trap:
    """The trap that `trap_text` wrote. Raises `BadMessage`."""
    found = _TRAP.fullmatch(text)
    if found is None:
        raise BadMessage(f"'{text[:80]}' is no trap of a kernel")
    return Trap(found[1], found[5], found[2], int(found[3]), int(found[4]))


def outputs_from(kernel: Kernel, outcome: Outcome, blobs: Mapping[str, bytes]) -> Outputs:
    """What an outcome says, with the blobs that it names.

    Raises the `Trap` that the run ended in, `BadMessage` for what this kernel cannot have given.
    """
    if outcome.trap:
        raise read_trap(outcome.trap)
    images = {}
    for image in kernel.images_of(Role.OUT):
        pixels = decode_raster(blobs[_named(outcome.images, image.name)])
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        if pixels.dtype != dtype_of(image.type) or channels != image.channels:
            raise BadMessage(f"the out image '{image.name}' has another type than the kernel's")
        images[image.name] = pixels
    return Outputs(images, record_of(kernel, outcome))


def record_of(kernel: Kernel, outcome: Outcome) -> dict[str, Number]:
    """The record of an outcome that is no trap. Raises `BadMessage` if a field is lacking."""
    return {
        field.name: from_pattern(field.type, _named(outcome.record, field.name))
        for field in kernel.fields
    }


def _named(values: Mapping[str, V], name: str) -> V:
    if name not in values:
        raise BadMessage(f"the outcome lacks '{name}'")
    return values[name]
