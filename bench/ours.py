"""Our side: a work's kernel in its strict child, by CPU level."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.contender import OURS, Contender
from bench.works import Work
from vm.jit.backend import LEVELS
from vm.sandbox.box import CompileBox
from vm.sandbox.capability import require_native
from vm.sandbox.many import LANES, ManyRunner
from vm.sandbox.runner import NativeRunner

MOST_PIXELS_AT_ONCE = 1 << 28
SWITCHES: dict[str, Mapping[str, Any]] = {OURS: {}, f"{OURS} scalar": {"scalar": True}}
"""Contenders of ours by name: what `NativeRunner` is told besides. A row compares a switch, and is
left out where the switch changes nothing."""


def levels() -> tuple[str, ...]:
    """The CPU levels that this machine has, its own first."""
    own = LEVELS.index(require_native().cpu)
    return tuple(reversed(LEVELS[: own + 1]))


def contenders(
    work: Work, picture: NDArray[np.uint8], boxes: Mapping[str, CompileBox], stack: ExitStack
) -> list[Contender]:
    """Our kernel at every level that there is a box for; their children end with the stack."""
    found = []
    for level, box in boxes.items():
        for name, switch in SWITCHES.items():
            if switch and not work.has_scan():
                continue
            runner = NativeRunner(work.verified(), work.kernel, work.parameters, box=box, **switch)
            found.append(_contender(name, level, stack.enter_context(runner), picture))
        found += _many(work, picture, level, box, stack)
    return found


def _many(
    work: Work, picture: NDArray[np.uint8], level: str, box: CompileBox, stack: ExitStack
) -> list[Contender]:
    """Lines that turn around: as many pictures at once as there are lanes, and as many sets of
    weights on one. Seconds are those of one picture.
    """
    lanes = LANES[level]
    if not work.parameters.get("serpentine") or lanes * picture.size > MOST_PIXELS_AT_ONCE:
        return []
    pictures = [{"src": np.roll(picture, k, axis=1)} for k in range(lanes)]
    rng = np.random.default_rng(1)
    sets = [dict(work.parameters)]
    sets += [{**sets[0], "weights": rng.integers(1, 17, 4).tolist()} for _ in range(lanes - 1)]
    verified = work.verified()
    runners = {
        f"{OURS}, {lanes} pictures": (
            ManyRunner(verified, work.kernel, sets[:1], box=box),
            pictures,
        ),
        f"{OURS}, {lanes} weight sets": (
            ManyRunner(verified, work.kernel, sets, shared=["src"], box=box),
            pictures[:1] * lanes,
        ),
    }
    return [
        _many_contender(name, level, stack.enter_context(runner), tasks)
        for name, (runner, tasks) in runners.items()
    ]


def _many_contender(
    name: str, level: str, runner: ManyRunner, tasks: list[dict[str, NDArray[np.uint8]]]
) -> Contender:
    return Contender(
        OURS,
        name,
        level,
        lambda runs: runner.bench(tasks, 1 + -(-runs // len(tasks))),
        lambda: runner.run(tasks)[0]["dst"].tobytes(),
        form="many at once",
        compile_s=runner.compile().compile_s,
    )


def _contender(
    name: str, level: str, runner: NativeRunner, picture: NDArray[np.uint8]
) -> Contender:
    """A runner as a contender: the time of its kernel alone, in the strict child."""
    inputs = {"src": picture}

    def measure(runs: int) -> float:
        return runner.bench(inputs, repeat=runs + 1, rounds=1).kernel_s

    timings = runner.bench(inputs, repeat=2, rounds=1)
    return Contender(
        OURS,
        name,
        level,
        measure,
        lambda: runner.run(inputs)["dst"].tobytes(),
        form=timings.form,
        compile_s=timings.compile_s,
    )
