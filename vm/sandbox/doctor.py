"""The doctor: runs a harmless and many hostile native programs, and reports how each ended."""

from __future__ import annotations

import os
from collections.abc import Callable

from msgspec import Struct

from vm.errors import OverLimit, SandboxBroken
from vm.sandbox import capability
from vm.sandbox.capability import Capability
from vm.sandbox.child import ChildStatus, StrictChild, program_file
from vm.sandbox.elf import write_elf
from vm.sandbox.hostile import ARENA_BYTES, HARMLESS, HOSTILE, Hostile

PATIENCE_S = 0.2


class Trial(Struct, frozen=True):
    """One program that was run: how it ended, and whether that is as it must be."""

    name: str
    what: str
    ending: str
    is_good: bool


class Report(Struct, frozen=True):
    """What was found: the machine's capability, a child's status, every trial."""

    capability: Capability
    status: ChildStatus | None
    trials: tuple[Trial, ...]

    @property
    def is_good(self) -> bool:
        """Whether children are confined here, as the trials show."""
        return self.capability.is_native and all(trial.is_good for trial in self.trials)


def attempt(program: Hostile) -> Trial:
    """Run one hostile program; it is as it must be if it ends without an answer."""
    fd = program_file(write_elf(program.image))
    try:
        with StrictChild(fd, ARENA_BYTES) as child:
            result = child.run([], deadline_cpu_s=PATIENCE_S, wall_limit_s=50 * PATIENCE_S)
            return Trial(program.name, program.what, f"answered {result}", False)
    except (SandboxBroken, OverLimit) as end:
        return Trial(program.name, program.what, str(end), True)
    finally:
        os.close(fd)


def examine(progress: Callable[[Trial], None] = lambda trial: None) -> Report:
    """Run every trial, telling `progress` of each."""
    found = capability.check()
    if not found.is_native:
        return Report(found, None, ())
    trials = []
    fd = program_file(write_elf(HARMLESS.image))
    try:
        with StrictChild(fd, ARENA_BYTES) as child:
            good = child.run([]) == 0
            status = child.status()
    finally:
        os.close(fd)
    trials.append(Trial(HARMLESS.name, HARMLESS.what, "answered", good))
    progress(trials[0])
    for program in HOSTILE:
        trials.append(attempt(program))
        progress(trials[-1])
    return Report(found, status, tuple(trials))
