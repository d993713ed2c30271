"""One run: who takes part, and their turns at one work after another."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import c_code, ours, peer
from bench.contender import COPY, C, Contender, compare_bytes, take_turns
from bench.works import Work
from vm.sandbox.box import CompileBox


@dataclass(frozen=True, slots=True)
class Row:
    """What one contender did: seconds a picture, and ratios to others of the same turns.

    `of_best_c` is above 1 where this one is faster than the fastest C of its level (peers and the
    copy: of the machine's own level), `of_copy` the share of memcpy's bytes per second.
    """

    work: str
    width: int
    height: int
    family: str
    name: str
    level: str
    form: str
    seconds: float
    spread: float
    mpixel_per_s: float
    gbyte_per_s: float
    of_copy: float
    of_best_c: float
    same_bytes: bool
    compile_s: float


class Session:
    """Compile boxes, builds of the C and processes of peers, for a whole run. A context manager.

    `missing` names who cannot take part, `wrong` those of C or ours that made other bytes.
    """

    def __init__(self, levels: tuple[str, ...], with_peers: bool) -> None:
        self.levels = levels
        self.missing: list[str] = []
        self.wrong: list[str] = []
        self.peers: list[peer.Peer] = []
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.boxes = {level: self.stack.enter_context(CompileBox(level)) for level in levels}
        self.libraries, missing = c_code.libraries(levels, self.folder)
        self.missing += missing
        for library in peer.LIBRARIES if with_peers else ():
            try:
                self.peers.append(self.stack.enter_context(peer.Peer(library)))
            except peer.Missing as reason:
                self.missing.append(str(reason))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def measure(self, work: Work, width: int, height: int, rounds: int) -> list[Row]:
        """Everybody's turns at a work."""
        picture = work.picture(width, height)
        with ExitStack() as children:
            found = ours.contenders(work, picture, self.boxes, children)
            found += c_code.contenders(work, picture, self.libraries)
            for one in self.peers:
                if work.name in one.works:
                    found.append(one.contender(work, picture))
            return self._turns(work, width, height, rounds, found)

    def measure_pair(
        self, work: Work, width: int, height: int, rounds: int, best_c: str
    ) -> list[Row]:
        """The same for ours and one C only, at this machine's own level."""
        picture = work.picture(width, height)
        level = self.levels[0]
        with ExitStack() as children:
            found = ours.contenders(work, picture, {level: self.boxes[level]}, children)
            own = [library for library in self.libraries if library.level == level]
            found += c_code.contenders(work, picture, own, only=best_c)
            return self._turns(work, width, height, rounds, found)

    def _turns(
        self, work: Work, width: int, height: int, rounds: int, found: list[Contender]
    ) -> list[Row]:
        moved = work.bytes_per_pixel * width * height
        if self.libraries:
            found.append(c_code.copy_contender(self.libraries[0], moved))
        take_turns(found, rounds)
        self.wrong += [f"{work.name}: {name}" for name in compare_bytes(found)]
        return [_row(work, width, height, one, found, self.levels[0]) for one in found]


def _row(
    work: Work, width: int, height: int, one: Contender, everybody: list[Contender], own: str
) -> Row:
    moved = work.bytes_per_pixel * width * height
    level = one.level or own
    best_c = min((c.median_s for c in everybody if c.family == C and c.level == level), default=0.0)
    copy = min((c.median_s for c in everybody if c.family == COPY), default=0.0)
    return Row(
        work.name,
        width,
        height,
        one.family,
        one.name,
        one.level,
        one.form,
        one.median_s,
        one.spread,
        width * height / one.median_s / 1e6,
        moved / one.median_s / 1e9,
        copy / one.median_s,
        best_c / one.median_s,
        one.same_bytes,
        one.compile_s,
    )


def best(rows: list[Row], family: str, level: str = "") -> Row | None:
    """The fastest of a family, at a level if one is named."""
    able = [row for row in rows if row.family == family and level in ("", row.level)]
    return min(able, key=lambda row: row.seconds, default=None)
