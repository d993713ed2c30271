"""What a computation runs: its kernel's signature, and the parameters that were tried."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from msgspec import Struct

from cpushare.market.messages import JobOrder
from cpushare.market.work import named_values
from vm.bits import from_raw
from vm.module import Kernel, Parameter, Role
from vm.text import disassemble
from vm.types import ScalarType
from vm.verifier import VerifiedModule
from vm.verifier.verified import VerifiedKernel

MOST_SETS = 5_000
"""Parameter sets that are looked at to say which values a parameter takes."""
MOST_VALUES = 8
LISTING_CHARACTERS = 60_000


class Swept(Struct, frozen=True):
    """A parameter, and the values that it takes in a computation: the first of `distinct`."""

    name: str
    type: str
    range: str
    doc: str
    values: list[object]
    distinct: int
    is_number: bool

    @property
    def is_swept(self) -> bool:
        """Whether it takes more than one value."""
        return self.distinct > 1


def _range(parameter: Parameter) -> str:
    if parameter.low is None or parameter.high is None or parameter.type.is_bool:
        return ""
    low = from_raw(parameter.type, parameter.low)
    high = from_raw(parameter.type, parameter.high)
    return f"{low} to {high}"


def values_of(kernel: VerifiedKernel, order: JobOrder, most: int) -> list[dict[str, object]]:
    """Parameters by name, of each of the first sets of an order."""
    sets = itertools.islice(order.parameters, most)
    return [named_values(kernel, given) for given in sets]


def swept(kernel: Kernel, sets: Sequence[dict[str, object]]) -> list[Swept]:
    """Each parameter of a kernel, and what it is in these sets."""
    found = []
    for parameter in kernel.parameters:
        distinct = {repr(each[parameter.name]): each[parameter.name] for each in sets}
        values = list(distinct.values())[:MOST_VALUES]
        kind = f"[{parameter.type}; {parameter.length}]" if parameter.length else parameter.type
        is_number = not parameter.length and parameter.type is not ScalarType.BOOL
        found.append(
            Swept(
                parameter.name,
                str(kind),
                _range(parameter),
                parameter.doc,
                values,
                len(distinct),
                is_number,
            )
        )
    return found


def signature(kernel: Kernel) -> list[tuple[str, str, str]]:
    """Images and fields of a kernel: what each is ("in", "out", "record"), its name, its type."""
    lines = []
    for role in (Role.IN, Role.OUT):
        for image in kernel.images_of(role):
            channels = f", {image.channels}" if image.channels > 1 else ""
            lines.append((role.value, image.name, f"image<{image.type}{channels}>"))
    return [*lines, *(("record", field.name, str(field.type)) for field in kernel.fields)]


def listing(verified: VerifiedModule) -> tuple[str, bool]:
    """The program as text that `cpsc asm` reads, and whether that is all of it."""
    text = disassemble(verified.module)
    if len(text) <= LISTING_CHARACTERS:
        return text, True
    return text[: text.rindex("\n", 0, LISTING_CHARACTERS) + 1], False
