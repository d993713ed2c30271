"""Whether all parts of an exchange work: GET /healthz."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

from cpushare.exchange.service import World

LATE_S = 10.0
"""A sweep or a part that does not answer for so long is not well."""
PATIENCE_S = 120.0
"""What waits for the checker for longer tells that there is none."""
OK = "ok"


class Health(Struct, frozen=True):
    """What each part says: "ok", or what is wrong with it."""

    store: str
    blobs: str
    sweep: str
    checker: str

    @property
    def is_serving(self) -> bool:
        """Whether requests can be served. Without a checker only some checks wait."""
        return self.store == self.blobs == self.sweep == OK


class Pulse:
    """When the sweep last did all that was due, by a steady clock."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._last = steady()

    def beat(self) -> None:
        """Now."""
        self._last = self._steady()

    def read(self) -> str:
        """Whether it beats."""
        late_s = self._steady() - self._last
        return OK if late_s < LATE_S else f"silent for {late_s:.0f} s"


async def examine(world: World, pulse: Pulse) -> Health:
    """Ask every part, and wait for none of them for long."""

    async def checker() -> str:
        async with world.store.begin() as transaction:
            found = await transaction.overview(world.now())
        waiting_s = world.now() - found.for_checker_since if found.for_checker else 0.0
        if waiting_s > PATIENCE_S:
            return f"{found.for_checker} checks wait, one for {waiting_s:.0f} s: is it running?"
        return OK

    async def store() -> str:
        async with world.store.begin() as transaction:
            await transaction.newest_waiting()
        return OK

    async def blobs() -> str:
        await world.blobs.check()
        return OK

    said = [await _ask(part) for part in (store, blobs, checker)]
    return Health(said[0], said[1], pulse.read(), said[2])


async def _ask(part: Callable[[], Awaitable[str]]) -> str:
    try:
        async with asyncio.timeout(LATE_S):
            return await part()
    except TimeoutError:
        return f"no answer within {LATE_S:.0f} s"
    except Exception as error:
        return f"{type(error).__name__}"
