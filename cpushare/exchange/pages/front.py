"""What the front page and the page of the exchange's health show, read in one transaction.

One snapshot a second serves every reader and every listener.
"""

from __future__ import annotations

import hashlib

from msgspec import Struct

from cpushare.exchange.pages.kept import Kept
from cpushare.exchange.service import World
from cpushare.exchange.store import MINT, Overview, Progress
from cpushare.market.ledger import Transfer
from cpushare.market.states import OVER, Job, Standing

MOST_LIVE = 40
MOST_PAST = 40
ACTIVE_S = 600.0
"""How lately an active seller was seen."""
CHECKER_LATE_S = 300.0
"""After how long without a word the exchange's own worker counts as absent."""
WAIT_LATE_S = 60.0
"""How long what is for the exchange's own worker may wait before health speaks of it."""
MINTS_PAGE = 50
KEPT_PROGRESS = 1024


class JobLine(Struct, frozen=True):
    """A public computation, and how far it is."""

    job: Job
    progress: Progress

    @property
    def is_live(self) -> bool:
        """Whether it may still change."""
        return not self.job.is_over

    @property
    def answered(self) -> int:
        """Tasks that have an outcome."""
        return self.progress.answered + self.progress.final

    @property
    def state(self) -> str:
        """How it is, in a word."""
        return self.job.said_state


class Front(Struct, frozen=True):
    """The exchange at one moment. `more_live` public computations run besides those in `live`."""

    at: float
    overview: Overview
    live: list[JobLine]
    past: list[JobLine]
    more_live: int

    def jobs(self, live: bool, public: bool) -> int:
        """How many computations are live, or over; public, or not."""
        return sum(
            number
            for (state, is_public), number in self.overview.jobs.items()
            if (state not in OVER) == live and is_public == public
        )

    @property
    def running(self) -> int:
        """All computations that run."""
        return self.jobs(True, True) + self.jobs(True, False)

    @property
    def sellers(self) -> int:
        """All workers that sell."""
        others = self.overview.workers.items()
        return sum(n for standing, n in others if standing is not Standing.CHECKER)

    def standing(self, name: str) -> int:
        """Workers of a standing."""
        return self.overview.workers.get(Standing(name), 0)

    @property
    def shape(self) -> str:
        """A word that changes when there is another computation, or one has ended."""
        seen = [(line.job.hash, line.state) for line in (*self.live, *self.past)]
        return hashlib.sha256(repr((seen, self.more_live)).encode()).hexdigest()[:16]

    @property
    def troubles(self) -> list[str]:
        """What is not as it should be, in sentences."""
        overview, found = self.overview, []
        if not overview.checker_seen:
            found.append("The exchange’s own checking worker has never been there.")
        elif self.at - overview.checker_seen > CHECKER_LATE_S:
            found.append("The exchange’s own checking worker has not been there lately.")
        if overview.for_checker and self.at - overview.for_checker_since > WAIT_LATE_S:
            found.append("Tasks have been waiting for the exchange’s own checking worker.")
        if self.running and not overview.active:
            found.append("Computations run, and no seller has been there lately.")
        return found


class Fronts:
    """Snapshots, at most one a second."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: Kept[Front] = Kept(world.now, 1.0, 1)
        self._ended: dict[int, Progress] = {}

    async def get(self) -> Front:
        """The exchange as it is, or was less than a second ago."""
        return await self._kept.get("front", self._read)

    async def _read(self) -> Front:
        now = self._world.now()
        async with self._world.store.begin() as transaction:
            overview = await transaction.overview(now - ACTIVE_S)
            public = [job for job in await transaction.live_jobs() if job.is_public][::-1]
            recent = await transaction.jobs(None, True, MOST_PAST + MOST_LIVE)
            past = [job for job in recent if job.is_over][:MOST_PAST]
            live = [JobLine(j, await transaction.progress(j)) for j in public[:MOST_LIVE]]
            for job in past:
                if job.id not in self._ended:
                    self._ended[job.id] = await transaction.progress(job)
        while len(self._ended) > KEPT_PROGRESS:
            self._ended.pop(next(iter(self._ended)))
        ended = [JobLine(job, self._ended[job.id]) for job in past]
        return Front(now, overview, live, ended, max(0, len(public) - MOST_LIVE))


async def read_mints(world: World, before: int) -> tuple[list[tuple[int, Transfer]], int]:
    """Transfers that made coins, newest first, and where the next page begins (0: nowhere)."""
    async with world.store.begin() as transaction:
        source = await transaction.find_account(MINT, "")
        found = await transaction.history(source, before, MINTS_PAGE) if source else []
    return found, found[-1][0] if len(found) == MINTS_PAGE else 0
