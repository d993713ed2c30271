"""A kernel being written: its signature, its code so far, where in it the author is."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar

from msgspec import Struct, field

from vm.module import Immediate, Instruction
from vm.opcodes import Op
from vm.testing.signature import I32, Signature, random_signature
from vm.types import ScalarType

MOST_TRIPS = 1_500  # of all loops around an instruction, at the usual sizes
USUAL_PIXELS = 40
USUAL_AXIS = 8
T = TypeVar("T")


class Scope(Struct):
    """A region being written: its locals and arrays, and the loop locals nobody may set."""

    op: Op | None
    locals: list[int] = field(default_factory=list)
    arrays: list[int] = field(default_factory=list)
    fixed: list[int] = field(default_factory=list)


class Author:
    """The state of the writing, and its small steps."""

    def __init__(self, rng: Random, size: int) -> None:
        self.rng = rng
        self.signature: Signature = random_signature(rng)
        self.left = size
        self.trips = 1
        self.line = 0
        self.code: list[Instruction] = []
        self.local_types: list[ScalarType] = []
        self.scopes = [Scope(None)]
        self.loop: tuple[int, int] | None = None
        self.loop_locals: tuple[int, int] = (0, 0)
        self.loads: set[int] = set()
        self.puts: set[int] = set()
        self.carries: list[int] = []
        self.reduces = 0

    # Small steps.

    def choose(self, *options: T) -> T:
        """One of the options."""
        return self.rng.choice(options)

    def chance(self, probability: float) -> bool:
        """True so often."""
        return self.rng.random() < probability

    def emit(self, op: Op, *immediates: Immediate) -> None:
        """Append an instruction."""
        self.line += self.rng.choice((0, 0, 0, 1, 5))
        self.left -= 1
        self.code.append(Instruction(op, immediates, self.line))

    def integer(self, value: int) -> None:
        """Push an i32 constant."""
        self.emit(Op.CONST, I32, value)

    def new_local(self, scalar: ScalarType) -> int:
        """A local of its own."""
        self.local_types.append(scalar)
        return len(self.local_types) - 1

    def keep(self, scalar: ScalarType) -> int:
        """Pop the value on top into a new local."""
        local = self.new_local(scalar)
        self.emit(Op.SET, local)
        self.scopes[-1].locals.append(local)
        return local

    def readable(self, scalar: ScalarType) -> list[int]:
        """Locals of this type that are assigned here."""
        names = [local for scope in self.scopes for local in scope.locals + scope.fixed]
        return [local for local in names if self.local_types[local] is scalar]

    def assignable(self) -> list[int]:
        """Assigned locals that a pixel loop or reduction does not stand between."""
        found: list[int] = []
        for scope in reversed(self.scopes):
            found += scope.locals
            if scope.op not in (Op.FOR, Op.IF, None):
                break
        return found

    def inside(self, scope: Scope, trips: int, write: Callable[[], None]) -> None:
        """Write a region's body that runs about so many times."""
        self.scopes.append(scope)
        self.trips *= trips
        write()
        self.trips //= trips
        self.scopes.pop()
