"""What is around every request: rates of addresses, errors as answers, counts, log lines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cpushare.exchange.edge.answers import refuse
from cpushare.exchange.edge.gate import Gate
from cpushare.market.errors import MarketError

log = structlog.get_logger("cpushare.exchange")
Handler = Callable[[Request], Awaitable[Response]]


class Around:
    """An ASGI application around another. `hot` are handlers that need no more than their path.

    What is refused is logged by its kind: no address, no key, no path.
    """

    def __init__(self, app: ASGIApp, gate: Gate, hot: Mapping[tuple[str, str], Handler]) -> None:
        self._app = app
        self._gate = gate
        self._hot = hot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._serve(scope, receive, watched)
        except MarketError as error:
            await refuse(error)(scope, receive, watched)
            log.info("refused", kind=error.kind, status=error.status)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        self._gate.admit(client[0] if client else "")
        handler = self._hot.get((scope["method"], scope["path"]))
        if handler is None:
            await self._app(scope, receive, send)
            return
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)
