"""What all bodies of a program share: diagnostics, the modules read, the instances made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from compiler.diagnostics import Diagnostics
from compiler.source import Source, Span
from compiler.typed import ConstantArray, Function, Kernel, Literal
from compiler.types import RecordType

if TYPE_CHECKING:
    from compiler.check.modules import Entry, Loader

INSTANCES = 256
"""The most instances of functions in one program."""

CALL_DEPTH = 24
"""How deep functions may call functions."""

CONSTANT_STEPS = 400_000
"""How many operations evaluating the constants of one program may take."""


class World(Struct):
    """The state of checking one program."""

    source: Source
    diagnostics: Diagnostics
    loader: Loader
    instances: dict[tuple[object, ...], Function] = field(default_factory=dict)
    kernels: dict[int, Kernel | None] = field(default_factory=dict)
    records: dict[int, RecordType | None] = field(default_factory=dict)
    constants: dict[int, Literal | ConstantArray | None] = field(default_factory=dict)
    active: list[tuple[Entry, Span]] = field(default_factory=list)
    steps: int = 0
