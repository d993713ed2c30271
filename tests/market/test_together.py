"""Requests that come at the same time are served together, and each as if it had come alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cpushare.exchange.together import MOST_CALLS, MOST_TASKS, Together
from cpushare.exchange.workdesk import Call
from cpushare.market.errors import MarketError, Missing, Unreachable
from cpushare.market.messages import WorkAnswer, WorkRequest


class Desk:
    """Serves when it is told to, and notes which requests it got together."""

    def __init__(self) -> None:
        self.groups: list[list[bytes]] = []
        self.open = asyncio.Event()
        self.bad: set[bytes] = set()
        self.unknown: set[bytes] = set()

    async def serve(self, calls: Sequence[Call]) -> list[WorkAnswer | MarketError]:
        self.groups.append([call.key for call in calls])
        await self.open.wait()
        if self.bad & {call.key for call in calls}:
            raise RuntimeError("this request breaks the desk")
        return [
            Missing("who is that?") if call.key in self.unknown else WorkAnswer(withdrawn=[n])
            for n, call in enumerate(calls)
        ]


def call(number: int, wants: int = 1) -> Call:
    return Call(number.to_bytes(2, "big"), WorkRequest(wants=wants))


async def asked(desk: Desk, calls: Sequence[Call]) -> list[object]:
    """What everybody gets, when all have asked before anybody is answered."""
    line = Together(desk.serve)
    asking = [asyncio.ensure_future(line.ask(each)) for each in calls]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    desk.open.set()
    return await asyncio.gather(*asking, return_exceptions=True)


def run(desk_and_calls: object) -> object:
    return asyncio.run(desk_and_calls)  # type: ignore[arg-type]


def test_who_waits_is_served_together_in_order() -> None:
    async def scenario() -> None:
        desk = Desk()
        answers = await asked(desk, [call(n) for n in range(20)])
        assert [key for group in desk.groups for key in group] == [call(n).key for n in range(20)]
        assert len(desk.groups) <= 2
        assert all(isinstance(each, WorkAnswer) for each in answers)

    run(scenario())


def test_groups_have_bounds_and_a_great_request_goes_alone() -> None:
    async def scenario() -> None:
        desk = Desk()
        await asked(desk, [call(n, MOST_TASKS * 2) for n in range(5)])
        assert [len(group) for group in desk.groups] == [1] * 5
        desk = Desk()
        await asked(desk, [call(n, 0) for n in range(3 * MOST_CALLS)])
        assert max(map(len, desk.groups)) == MOST_CALLS

    run(scenario())


def test_a_worker_is_in_a_group_once() -> None:
    async def scenario() -> None:
        desk = Desk()
        answers = await asked(desk, [call(n % 3) for n in range(12)])
        assert all(len(set(group)) == len(group) for group in desk.groups)
        assert all(isinstance(each, WorkAnswer) for each in answers)

    run(scenario())


def test_a_flood_of_one_key_holds_up_nobody_else() -> None:
    async def scenario() -> None:
        desk = Desk()
        flood = [call(0, MOST_TASKS) for _ in range(200)]
        answers = await asked(desk, [*flood, *(call(n) for n in range(1, 6))])
        assert all(isinstance(each, WorkAnswer) for each in answers)
        last = max(n for n, group in enumerate(desk.groups) if group != [call(0).key])
        assert last <= 3

    run(scenario())


def test_who_breaks_a_group_is_told_alone() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.bad, desk.unknown = {call(7).key}, {call(9).key}
        answers = await asked(desk, [call(n) for n in range(16)])
        kinds = {
            n: type(each) for n, each in enumerate(answers) if not isinstance(each, WorkAnswer)
        }
        assert kinds == {7: RuntimeError, 9: Missing}

    run(scenario())


def test_who_hangs_up_takes_nobody_along() -> None:
    async def scenario() -> None:
        desk = Desk()
        line = Together(desk.serve)
        asking = [asyncio.ensure_future(line.ask(call(n))) for n in range(8)]
        await asyncio.sleep(0)
        for each in asking[::2]:
            each.cancel()
        desk.open.set()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(each) for each in answers] == [asyncio.CancelledError, WorkAnswer] * 4
        assert await line.ask(call(9))

    run(scenario())


@pytest.mark.parametrize("count", [1, 5])
def test_what_concerns_all_is_told_to_all(count: int) -> None:
    async def scenario() -> None:
        tries = 0

        async def serve(calls: Sequence[Call]) -> list[WorkAnswer | MarketError]:
            nonlocal tries
            tries += 1
            raise Unreachable("the database is away")

        line = Together(serve)
        asking = [line.ask(call(n)) for n in range(count)]
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(each, Unreachable) for each in answers)
        assert tries <= 2

    run(scenario())
