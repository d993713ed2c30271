"""Requests that come at the same time are served together.

Whoever comes first is served at once; who comes while that goes on waits for its end, and is served
with all others that wait. So a quiet exchange answers as soon as it can, and a busy one does much
at a time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from cpushare.exchange.workdesk import Call
from cpushare.market.errors import MarketError, Unreachable
from cpushare.market.messages import WorkAnswer

MOST_CALLS, MOST_TASKS = 32, 1600
"""Requests of a group, and results and leases of all of them."""
_Waiting = tuple["asyncio.Future[WorkAnswer]", Call]
Serve = Callable[[Sequence[Call]], Awaitable[Sequence[WorkAnswer | MarketError]]]


class Together:
    """A line of requests. `serve` serves some of them, of different workers."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._line: dict[bytes, deque[_Waiting]] = {}
        self._under_way: asyncio.Task[None] | None = None

    async def ask(self, call: Call) -> WorkAnswer:
        """The answer to a request. Raises what `serve` says to it."""
        future: asyncio.Future[WorkAnswer] = asyncio.get_running_loop().create_future()
        self._line.setdefault(call.key, deque()).append((future, call))
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.ensure_future(self._run())
        return await asyncio.shield(future)  # who hangs up has asked all the same

    async def _run(self) -> None:
        while group := self._take():
            await self._answer(group)

    def _take(self) -> list[_Waiting]:
        """One request each of those who came first. Whoever has more waits behind all others."""
        group: list[_Waiting] = []
        again: dict[bytes, deque[_Waiting]] = {}
        tasks = 0
        while self._line and len(group) < MOST_CALLS:
            key, mine = next(iter(self._line.items()))
            request = mine[0][1].request
            tasks += len(request.results) + len(request.returned) + request.wants
            if group and tasks > MOST_TASKS:
                break
            group.append(mine.popleft())
            del self._line[key]
            if mine:
                again[key] = mine
        self._line |= again
        return group

    async def _answer(self, group: Sequence[_Waiting]) -> None:
        answers: Sequence[WorkAnswer | Exception]
        try:
            answers = await self._serve([call for _, call in group])
        except Exception as error:
            if len(group) > 1 and not isinstance(error, Unreachable):
                for each in group:  # whose fault that was shall be nobody else's
                    await self._answer([each])
                return
            answers = [error] * len(group)
        for (future, _), answer in zip(group, answers, strict=True):
            if isinstance(answer, Exception):
                future.set_exception(answer)
                future.exception()  # nobody may be left to look at it
            else:
                future.set_result(answer)
