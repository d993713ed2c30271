"""What the verifier gives: a module with the facts it proved. Nothing else can make one."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from vm.errors import Crash
from vm.layout import Reach
from vm.module import Kernel, Module
from vm.verifier.doubts import Doubt
from vm.verifier.expression import Expression

_KEY = object()


class Facts(Struct, frozen=True):
    """What was proved of one kernel. Positions are indices into its code.

    `end_of` and `else_of` match regions; `proved` are the instructions that could trap in
    general but cannot here, `checked` those that keep their check; `ranges` gives the interval
    of the integer that an instruction pushes, and `exact` the integer instructions whose result
    (of a sum: every partial sum) needs no wrapping; `doubts` tell what is missing for
    accesses that are checked; `reaches` is what each carry needs kept; `cleared` are the images
    that must be zeroed before the kernel starts.
    """

    end_of: Mapping[int, int]
    else_of: Mapping[int, int]
    proved: frozenset[int]
    checked: frozenset[int]
    ranges: Mapping[int, tuple[int, int]]
    exact: frozenset[int]
    doubts: Mapping[int, tuple[Doubt, ...]]
    reaches: Mapping[int, tuple[Reach, tuple[int, ...]]]
    cleared: frozenset[int]


class VerifiedKernel(Struct, frozen=True):
    """A kernel that may run: its code, the facts about it, its price and its memory."""

    kernel: Kernel
    facts: Facts
    cost: Expression
    memory: Expression
    key: object

    def __post_init__(self) -> None:
        if self.key is not _KEY:
            raise Crash("only the verifier makes a VerifiedKernel")

    @property
    def proved(self) -> int:
        """How many instructions that could trap were proved not to."""
        return len(self.facts.proved)

    @property
    def checked(self) -> int:
        """How many instructions keep a check."""
        return len(self.facts.checked)


class VerifiedModule(Struct, frozen=True):
    """A module that may run. `hash` names its bytes, `meaning` what they compute (both hex)."""

    module: Module
    encoded: bytes
    hash: str
    meaning: str
    kernels: Mapping[str, VerifiedKernel]
    key: object

    def __post_init__(self) -> None:
        if self.key is not _KEY:
            raise Crash("only the verifier makes a VerifiedModule")
