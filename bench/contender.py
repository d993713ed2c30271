"""What takes part: something that does one kind of work on one picture, and can be timed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

TURN_S = 0.02  # a turn is as many runs as take about this long
MOST_RUNS = 1000
OURS, C, PEER, COPY = "CPUShare", "C", "peer", "copy"


@dataclass(slots=True)
class Contender:
    """A name, a function that gives the mean seconds of so many runs, and what it made.

    `family` is OURS, C, PEER or COPY; `level` the CPU level it was compiled for (empty: nobody
    chose one). Only equal levels are compared with each other. `form` and `compile_s` are ours.
    """

    family: str
    name: str
    level: str
    measure: Callable[[int], float]
    output: Callable[[], bytes]
    form: str = ""
    compile_s: float = 0.0
    seconds: list[float] = field(default_factory=list)
    same_bytes: bool = True

    @property
    def median_s(self) -> float:
        """The median of all rounds."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """The distance between the quartiles, as a part of the median."""
        if len(self.seconds) < 2:
            return 0.0
        quartiles = statistics.quantiles(self.seconds, n=4)
        return (quartiles[2] - quartiles[0]) / self.median_s


def take_turns(contenders: Iterable[Contender], rounds: int) -> None:
    """Measure everybody, round by round, after two turns that tell how many runs make a turn."""
    runs = []
    for contender in contenders:
        contender.measure(1)
        taken = contender.measure(1)
        runs.append(min(MOST_RUNS, math.ceil(TURN_S / max(taken, 1e-6))))
    for _ in range(rounds):
        for contender, times in zip(contenders, runs, strict=True):
            contender.seconds.append(contender.measure(times))


def compare_bytes(contenders: Iterable[Contender]) -> list[str]:
    """Note whose bytes differ from ours; gives the names of those of C and ours that do.

    A peer may round otherwise, or dither otherwise, and is only told apart.
    """
    wanted: bytes | None = None
    wrong = []
    for contender in contenders:
        if contender.family == COPY:
            continue
        made = contender.output()
        wanted = made if wanted is None else wanted
        contender.same_bytes = made == wanted
        if not contender.same_bytes and contender.family != PEER:
            wrong.append(f"{contender.name} {contender.level}")
    return wrong
