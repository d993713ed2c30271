"""What is around every request: rates of addresses, errors as answers, counts, log lines."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cpushare.exchange.edge.answers import refuse
from cpushare.exchange.edge.gate import Gate
from cpushare.exchange.edge.metrics import Metrics
from cpushare.market.errors import MarketError

log = structlog.get_logger("cpushare.exchange")
Handler = Callable[[Request], Awaitable[Response]]


class Around:
    """An ASGI application around another. `hot` are handlers that need no more than their path.

    What is refused is logged by its kind: no address, no key, no path.
    """

    def __init__(
        self, app: ASGIApp, gate: Gate, metrics: Metrics, hot: Mapping[tuple[str, str], Handler]
    ) -> None:
        self._app = app
        self._gate = gate
        self._metrics = metrics
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

        began = time.perf_counter()
        try:
            await self._serve(scope, receive, watched)
        except MarketError as error:
            await refuse(error)(scope, receive, watched)
        except Exception:
            log.exception("a request failed")
            raise
        finally:
            route = getattr(scope.get("endpoint"), "__name__", "none")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)
            if status >= 400:
                log.info("refused", route=route, status=status)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        self._gate.admit(client[0] if client else "")
        handler = self._hot.get((scope["method"], scope["path"]))
        if handler is None:
            await self._app(scope, receive, send)
            return
        scope["endpoint"] = handler
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)
