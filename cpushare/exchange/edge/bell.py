"""Sellers that wait for work, and the bell that tells them of some.

Whoever waits is asked for in turn, those who came first first, and gets what suits it. Only what
began to wait since is news; while there is work, a few are asked for again all the same, since
another front end may have been looking at it just then. So five thousand sellers without anything
to do cost nothing but their connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence

from cpushare.exchange.service import World
from cpushare.market.errors import MarketError
from cpushare.market.messages import WorkAnswer

POLL_S = 0.5
TOGETHER = 16
"""Sellers that are asked for at once: their leases share a commit, and its sync to the disk."""
MISSES = 32
"""Sellers in a row that got nothing: is there any work left?"""
Ask = Callable[[], Awaitable[WorkAnswer]]


class Waiter:
    """One seller that waits: `ask` looks for work for it."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.asked = 0.0
        self.answer: asyncio.Future[WorkAnswer] = asyncio.get_running_loop().create_future()


class Bell:
    """All that wait in this process. `mark` is when the newest work began to wait that it knows."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiters: dict[Waiter, float] = {}
        self._rung, self._results = asyncio.Event(), asyncio.Event()
        self.mark = 0.0
        self._asked_again = 0.0

    def __len__(self) -> int:
        return len(self._waiters)

    def ring(self) -> None:
        """There may be work."""
        self._rung.set()

    def ring_for_results(self) -> None:
        """There are results: checks to do, it may be, or a job that is done."""
        self._results.set()
        self.ring()

    async def results(self, wait_s: float) -> None:
        """Wait until there are new results, or for so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._results.wait(), wait_s)
        self._results.clear()

    async def wait(
        self, ask: Ask, mark: float, wait_s: float, gone: Coroutine[None, None, object]
    ) -> WorkAnswer | None:
        """What `ask` finds within a time; None if it is over, or the seller is `gone`.

        `mark` is the bell's from before the seller was told that there is nothing.
        """
        waiter = Waiter(ask)
        watch = asyncio.create_task(gone)
        self._waiters[waiter] = mark
        try:
            await asyncio.wait(
                (waiter.answer, watch), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            self._waiters.pop(waiter, None)
            watch.cancel()
        return waiter.answer.result() if waiter.answer.done() else None

    async def serve(self) -> None:
        """Ask for those who wait, until cancelled: when the bell rings, and every half second,
        for work that came through another front end.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), POLL_S)
            self._rung.clear()
            if self._waiters and await self._has_news():
                await self._go_round()
                await self._ask_again()

    async def _go_round(self) -> None:
        line = [waiter for waiter, seen in self._waiters.items() if seen != self.mark]
        misses = 0
        for start in range(0, len(line), TOGETHER):
            some = [waiter for waiter in line[start : start + TOGETHER] if waiter in self._waiters]
            found = await self._ask_all(some)
            misses = 0 if any(found) else misses + len(some)
            if misses >= MISSES:
                misses = 0
                if not await self._has_news():
                    return

    async def _ask_again(self) -> None:
        """Ask for those for whom nobody has asked for the longest time, now and then."""
        now = time.monotonic()
        if now - self._asked_again < POLL_S:
            return
        self._asked_again = now
        await self._ask_all(heapq.nsmallest(TOGETHER, self._waiters, key=lambda each: each.asked))

    async def _ask_all(self, waiters: Sequence[Waiter]) -> list[bool]:
        self._waiters |= dict.fromkeys(waiters, self.mark)
        for waiter in waiters:
            waiter.asked = time.monotonic()
        return await asyncio.gather(*map(self._ask, waiters))

    async def _ask(self, waiter: Waiter) -> bool:
        try:
            answer = await waiter.ask()
        except MarketError as error:
            if not waiter.answer.done():
                waiter.answer.set_exception(error)
            return False
        if answer.leases and not waiter.answer.done():
            waiter.answer.set_result(answer)
        return bool(answer.leases)

    async def _has_news(self) -> bool:
        """Whether any work waits; notes the newest."""
        async with self._world.store.begin() as transaction:
            self.mark = await transaction.newest_waiting()
        return self.mark > 0
