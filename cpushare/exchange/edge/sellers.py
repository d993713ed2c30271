"""What sellers ask: to be enrolled, and for work. POST /api/work is the path that is hot."""

from __future__ import annotations

from collections import Counter
from functools import partial

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from cpushare.exchange.edge.answers import answer
from cpushare.exchange.edge.bell import Bell
from cpushare.exchange.edge.gate import Gate
from cpushare.exchange.edge.metrics import Metrics
from cpushare.exchange.service import World
from cpushare.exchange.together import Together
from cpushare.exchange.workdesk import Call, WorkDesk
from cpushare.market.messages import REQUEST_BYTES, Enrolment, WorkAnswer, WorkRequest, decode

LONGEST_S = 25.0
"""The longest that a request waits for work: proxies and routers forget silent connections."""
CHECKER_S = 1.0
"""The same for the exchange's own worker: what is old enough for it rings no bell."""
ENROLMENT_BYTES = 32 << 10


class Sellers:
    """The routes of sellers."""

    def __init__(self, world: World, gate: Gate, bell: Bell, metrics: Metrics) -> None:
        self._world = world
        self._gate = gate
        self._bell = bell
        self._metrics = metrics
        self._desk = WorkDesk(world)
        self._line = Together(self._desk.serve)

    async def enrol(self, request: Request) -> Response:
        """POST /api/workers."""
        sent = await self._gate.receive(request, ENROLMENT_BYTES)
        return answer(await self._desk.enrol(sent.signed, decode(sent.body, Enrolment)))

    async def work(self, request: Request) -> Response:
        """POST /api/work."""
        sent = await self._gate.receive(request, REQUEST_BYTES)
        wish = decode(sent.body, WorkRequest)
        mark = self._bell.mark
        given = await self._line.ask(Call(sent.signed.key, wish, sent.signed))
        if wish.results or wish.returned:
            self._bell.ring_for_results()
        has_news = given.leases or given.receipts or given.withdrawn
        if wish.wait_s and wish.wants and not has_news:
            waited = await self._wait(request, sent.signed.key, wish, mark)
            given = waited or WorkAnswer()  # who has waited may ask again at once
        self._count(given)
        return answer(given)

    def _count(self, given: WorkAnswer) -> None:
        if given.leases:
            self._metrics.leases.inc(len(given.leases))
        for verdict, count in Counter(each.verdict for each in given.receipts).items():
            self._metrics.results.labels(verdict).inc(count)

    async def _wait(
        self, request: Request, key: bytes, wish: WorkRequest, mark: float
    ) -> WorkAnswer | None:
        is_checker = key == self._world.checker
        wait_s = min(wish.wait_s, CHECKER_S if is_checker else LONGEST_S)
        more = Call(key, structs.replace(wish, results=[], returned=[]))
        return await self._bell.wait(partial(self._line.ask, more), mark, wait_s, _gone(request))


async def _gone(request: Request) -> None:
    """Ends when whoever asked has hung up."""
    await request.receive()
