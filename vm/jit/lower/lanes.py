"""What a loop's body for several pixels at once is to those who lower it: a wavefront's step, or
one pixel of many images.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from vm.jit.lower.state import Handler, Lowering
from vm.jit.lower.value import Value
from vm.module import Border, TrapCode
from vm.opcodes import Op

STACK_BYTES = 1 << 18  # of a child's 1 MiB, for what all vector bodies keep in memory
SPILLED_BYTES = 1 << 19  # and for results of a body that registers do not hold, at worst all
CHANNELS = 4  # of an image: more take LLVM seconds to turn
INSTRUCTIONS = 5_000  # of LLVM, in all wavefronts of a kernel: LLVM may take 2 s for them
TOO_MUCH = "there would be too much vector code"


class NotVector(Exception):
    """Why a loop stays scalar."""


@dataclass(frozen=True, slots=True)
class Source:
    """Pixels that lanes see, or write: of an image, beside the running pixel."""

    image: int
    ahead: int = 0  # x is the running pixel's plus this
    down: int = 0
    border: Border = Border.INSIDE


class LaneBody(ABC):
    """A loop's body being lowered for `lanes` pixels at once.

    `outer` are the handlers of scalar code; `put` what was put so far, by (image, channel), and
    `carried`, by carry; `ranges` the intervals of results, by position, if lanes are narrow where
    those fit.
    """

    compares_bytes = False  # numbers that fit, in lanes of bytes

    def __init__(self, low: Lowering, lanes: int, ranges: Mapping[int, tuple[int, int]]) -> None:
        self.low = low
        self.lanes = lanes
        self.ranges = ranges
        self.outer: Mapping[Op, Handler] = low.handlers
        self.put: dict[tuple[int, int], Value] = {}
        self.carried: dict[int, Value] = {}
        self.mask: Value | None = None  # the lanes that take the arms walked now; None: all

    def scratch(self, kind: str, size_bytes: int) -> str:
        """Room on the stack for one LLVM value, aligned for vectors. Raises `NotVector`."""
        self.low.vector_stack_bytes += size_bytes + 64
        if self.low.vector_stack_bytes > STACK_BYTES:
            raise NotVector("it would need too much stack memory")
        return self.low.build.at_entry(f"alloca {kind}, align 64")

    def trap_unless(self, ok: Value, trap: TrapCode) -> None:
        """What becomes of a check that may fail. Raises `NotVector` where nothing can."""
        raise NotVector("it may trap")

    def refuse_long(self, instructions: int) -> None:
        """Raises `NotVector` for a body of so many LLVM instructions, if that is too many."""
        if instructions * self.lanes * 8 > SPILLED_BYTES:
            raise NotVector("it is too long for vectors")

    @abstractmethod
    def pixel(self, source: Source, channel: int) -> Value:
        """The pixels that the lanes see."""

    @abstractmethod
    def earlier(self, carry: int, ahead: int, down: int) -> Value:
        """What was carried from `ahead` on, `-down` lines above."""

    @abstractmethod
    def has(self, ahead: int, down: int) -> Value:
        """Whether there is such a pixel."""

    @abstractmethod
    def is_inside(self, at: Value, size: str) -> Value:
        """Whether a coordinate is in 0 .. size - 1 (i64 operand)."""

    @abstractmethod
    def beside(self, image: int, x: Value, y: Value, border: Border) -> Source | None:
        """Where lanes look, if that is beside the running pixel; None if all look at one place.

        Raises `NotVector` for any other place.
        """
