"""What takes part: something that dithers one picture, and can be timed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

RUNS = 4  # a contender's turn is this many runs of its kernel


@dataclass(slots=True)
class Contender:
    """A name, a function that gives the mean seconds of `RUNS` runs, and what it made.

    `work` names what is computed: only equal work is compared, and must give equal bytes
    (`output` None: another algorithm, not compared).
    """

    name: str
    work: str
    measure: Callable[[], float]
    output: Callable[[], bytes | None]
    seconds: list[float] = field(default_factory=list)

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
    """Measure everybody, round by round, after a first turn that does not count."""
    everybody = list(contenders)
    for contender in everybody:
        contender.measure()
    for _ in range(rounds):
        for contender in everybody:
            contender.seconds.append(contender.measure())


def disagreements(contenders: Iterable[Contender]) -> list[str]:
    """The names of those whose bytes differ from the first that does the same work."""
    first: dict[str, bytes] = {}
    wrong = []
    for contender in contenders:
        made = contender.output()
        if made is not None and first.setdefault(contender.work, made) != made:
            wrong.append(contender.name)
    return wrong
