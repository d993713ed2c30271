"""Requests that come at the same time are served together.

Whoever comes first is served at once; who comes while that goes on waits for its end, and is served
with all others that wait. So a quiet exchange answers as soon as it can, and a busy one does much
at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from cpushare.exchange.workdesk import Call
from cpushare.market.errors import MarketError, Unreachable
from cpushare.market.messages import WorkAnswer

MOST_CALLS, MOST_TASKS = 32, 1600
"""Requests of a group, and results and leases of all of them."""
Serve = Callable[[Sequence[Call]], Awaitable[Sequence[WorkAnswer | MarketError]]]


class Together:
    """A line of requests. `serve` serves some of them, of different workers."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._line: dict[asyncio.Future[WorkAnswer], Call] = {}
        self._under_way: asyncio.Task[None] | None = None

    async def ask(self, call: Call) -> WorkAnswer:
        """The answer to a request. Raises what `serve` says to it."""
        future: asyncio.Future[WorkAnswer] = asyncio.get_running_loop().create_future()
        self._line[future] = call
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.ensure_future(self._run())
        return await asyncio.shield(future)  # who hangs up has asked all the same

    async def _run(self) -> None:
        while group := self._take():
            await self._answer(group)

    def _take(self) -> dict[asyncio.Future[WorkAnswer], Call]:
        """Take some of those that came first: a worker that asks twice is served one by one."""
        group: dict[asyncio.Future[WorkAnswer], Call] = {}
        keys: set[bytes] = set()
        tasks = 0
        for future, call in self._line.items():
            tasks += len(call.request.results) + len(call.request.returned) + call.request.wants
            if group and (tasks > MOST_TASKS or len(group) == MOST_CALLS):
                break
            if call.key not in keys:
                keys.add(call.key)
                group[future] = call
        for future in group:
            del self._line[future]
        return group

    async def _answer(self, group: dict[asyncio.Future[WorkAnswer], Call]) -> None:
        answers: Sequence[WorkAnswer | Exception]
        try:
            answers = await self._serve(list(group.values()))
        except Exception as error:
            if len(group) > 1 and not isinstance(error, Unreachable):
                for future, call in group.items():  # whose fault that was shall be nobody else's
                    await self._answer({future: call})
                return
            answers = [error] * len(group)
        for future, answer in zip(group, answers, strict=True):
            if isinstance(answer, Exception):
                future.set_exception(answer)
                future.exception()  # nobody may be left to look at it
            else:
                future.set_result(answer)
