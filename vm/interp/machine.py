"""The state of a run, and blocks of instructions.

For every `Op` there is a maker (vm/interp/steps.py, vm/interp/regions.py): given the machine, a
position and the instruction there, it gives the step, a function that does it. A block is the
steps of a region's body; the step of a region's head runs its blocks. Bodies share one stack,
since a verified body never reaches below its own beginning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from vm.bits import from_raw
from vm.costs import own_cost
from vm.errors import Crash, OverLimit, Trap
from vm.module import TRAP_TEXT, Instruction, Kernel, TrapCode
from vm.opcodes import CLEARED_BYTES_PER_UNIT, Op
from vm.parameters import ParameterValues
from vm.scalar import Value
from vm.types import ScalarType
from vm.verifier import Facts

Step = Callable[[], None]
Maker = Callable[["Machine", int, Instruction], Step]


class Picture(Struct, frozen=True):
    """An image: pixel (x, y, channel) is pixels[(y * width + x) * channels + channel]."""

    pixels: memoryview
    width: int
    height: int
    channels: int
    zero: Value

    def is_inside(self, x: int, y: int) -> bool:
        """Whether there is such a pixel."""
        return 0 <= x < self.width and 0 <= y < self.height


class PixelLoop(Struct):
    """Where the running map or scan is.

    (x, y) is its pixel. A scan counts lines in the order in which it visits them, each `length`
    pixels long; `at` is the place on the line, `direction` the way `at` changes.
    """

    x: int = 0
    y: int = 0
    line: int = 0
    lines: int = 0
    at: int = 0
    length: int = 0
    direction: int = 1

    def is_inside(self, at: int, line: int) -> bool:
        """Whether a scan has such a place."""
        return 0 <= at < self.length and 0 <= line < self.lines


class Machine(Struct):
    """Everything a kernel can see, and the count of what it did."""

    kernel: Kernel
    facts: Facts
    dimensions: tuple[int, ...]
    parameters: ParameterValues
    pictures: list[Picture]
    makers: Mapping[Op, Maker]
    limit_units: float = math.inf
    checked: bool = False
    counted: int = 0
    stack: list[Any] = field(default_factory=list)
    locals: list[Any] = field(default_factory=list)
    arrays: list[list[Any]] = field(default_factory=list)
    carried: dict[int, dict[int, list[Any]]] = field(default_factory=dict)
    loop: PixelLoop = field(default_factory=PixelLoop)
    record: list[Any] = field(default_factory=list)
    audit: Callable[[Machine, int, Instruction, Step], Step] | None = None

    def __post_init__(self) -> None:
        self.locals = [None] * len(self.kernel.locals)
        self.record = [None] * len(self.kernel.fields)
        for array in self.kernel.arrays:
            raws = array.data
            if array.parameter is not None:
                raws = self.parameters[array.parameter]
            values = [from_raw(array.type, raw) for raw in raws]
            self.arrays.append(values or [None] * array.length)

    def count(self, units: int) -> None:
        """Add to the count. Raises `OverLimit`."""
        self.counted += units
        if self.counted > self.limit_units:
            raise OverLimit(
                f"kernel '{self.kernel.name}' takes too long to interpret",
                f"{self.limit_units} units",
            )

    def count_clearing(self, image: int) -> None:
        """Count that every pixel becomes 0. Raises `OverLimit`."""
        self.count(-(-self.pictures[image].pixels.nbytes // CLEARED_BYTES_PER_UNIT))

    def trap(self, position: int, code: TrapCode, text: str = "") -> Trap | Crash:
        """The error to raise where the instruction there traps."""
        name = self.kernel.name
        wraps = code is TrapCode.WRAP
        if (position in self.facts.exact) if wraps else (position not in self.facts.checked):
            return Crash(
                f"instruction {position} of '{name}' trapped ({code.label}), though proved"
            )
        line = self.kernel.code[position].line
        return Trap(code.label, text or TRAP_TEXT[code], name, position, line)

    def block(self, start: int, end: int) -> Step:
        """One step for the code in start..end: its instructions in order, their cost counted."""
        steps: list[Step] = []
        cost = 0
        position = start
        while position < end:
            instruction = self.kernel.code[position]
            cost += own_cost(self.kernel, instruction)
            step = self.makers[instruction.op](self, position, instruction)
            if self.audit is not None:
                step = self.audit(self, position, instruction, step)
            steps.append(step)
            position = self.facts.end_of.get(position, position) + 1

        def run() -> None:
            self.count(cost)
            for step in steps:
                step()

        return run

    def body(self, position: int) -> Step:
        """The block of a loop that begins at this position."""
        return self.block(position + 1, self.facts.end_of[position])


def integers(instruction: Instruction) -> list[int]:
    """The immediates that are numbers, in order."""
    return [value for value in instruction.immediates if isinstance(value, int)]


def types(instruction: Instruction) -> list[ScalarType]:
    """The immediates that are types, in order."""
    return [value for value in instruction.immediates if isinstance(value, ScalarType)]
