"""Sellers that wait are told of work, whoever else was looking at it when it came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from cpushare.exchange.edge import bell as bells
from cpushare.exchange.edge.bell import Bell
from cpushare.exchange.memory import MemoryStore
from cpushare.market.messages import Lease, WorkAnswer
from tests.market.trading import Market

LEASE = Lease(1, "0" * 64, b"", {}, 1, 1, 1, 1.0)


class Place:
    """Work that is there; `is_hidden` while another front end looks at it."""

    def __init__(self, tasks: int) -> None:
        self.tasks = tasks
        self.is_hidden = False
        self.asked: list[int] = []

    def ask(self, who: int) -> Callable[[], Coroutine[None, None, WorkAnswer]]:
        async def look() -> WorkAnswer:
            self.asked.append(who)
            if self.is_hidden or not self.tasks:
                return WorkAnswer()
            self.tasks -= 1
            return WorkAnswer(leases=[LEASE])

        return look


async def ever() -> None:
    """A seller that stays."""
    await asyncio.Event().wait()


async def ringing(
    place: Place, sellers: int, wait_s: float
) -> tuple[Bell, list[WorkAnswer | None]]:
    """What sellers get that wait while a job is there."""
    market = Market(MemoryStore())
    await market.upload()
    await market.mint("buyer", 1 << 50)
    bell = Bell(market.world)
    serving = asyncio.ensure_future(bell.serve())
    waiting = [
        asyncio.ensure_future(bell.wait(place.ask(n), 0.0, wait_s, ever())) for n in range(sellers)
    ]
    await asyncio.sleep(0)
    await market.submit("buyer", market.order(3))
    bell.ring()
    found = await asyncio.gather(*waiting)
    serving.cancel()
    return bell, found


def test_those_who_came_first_get_it() -> None:
    bell, found = asyncio.run(ringing(Place(20), 40, 0.3))
    assert [each is not None for each in found] == [True] * 20 + [False] * 20
    assert len(bell) == 0


def test_what_another_looked_at_is_asked_for_again() -> None:
    place = Place(4)
    place.is_hidden = True

    async def scenario() -> list[WorkAnswer | None]:
        asyncio.get_running_loop().call_later(bells.POLL_S / 2, setattr, place, "is_hidden", False)
        return (await ringing(place, 4, 6 * bells.POLL_S))[1]

    assert all(asyncio.run(scenario()))


def test_whom_nothing_suits_is_not_asked_for_all_the_time() -> None:
    place = Place(0)
    asyncio.run(ringing(place, 100, 2.2 * bells.POLL_S))
    assert len(place.asked) <= 100 + 4 * bells.TOGETHER
