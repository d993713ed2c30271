"""uvicorn on a socket: TLS, limits, and an end in good order when it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import structlog
import uvicorn
from msgspec import Struct
from starlette.types import ASGIApp

from cpushare.exchange.edge.protocol import HEADERS_S, bounded

GRACE_S = 10
"""What is under way when the server is stopped has so long; who waits for work is sent away."""
BACKLOG = 2048
GARBAGE = 20_000
"""Objects between two looks of the garbage collector: a request makes some thousand."""
T = TypeVar("T")


class Serving(Struct, frozen=True):
    """How to serve. `certificate` and `key` are files for TLS; without them the server speaks
    plain HTTP, to a proxy before it if `is_behind_proxy` (whose word on addresses is taken).
    `connections` at the most, of one address at most `address_connections` (0: any number).
    """

    certificate: Path | None = None
    key: Path | None = None
    is_behind_proxy: bool = False
    connections: int = 12_000
    address_connections: int = 2_000
    headers_s: float = HEADERS_S


def make_server(app: ASGIApp, how: Serving) -> uvicorn.Server:
    """A server that is not running yet: `await server.serve([socket])`, `should_exit`."""
    of_address = 0 if how.is_behind_proxy else how.address_connections
    config = uvicorn.Config(
        app,
        loop="uvloop" if sys.platform == "linux" else "asyncio",
        http=bounded(of_address, how.headers_s),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=how.is_behind_proxy,
        limit_concurrency=how.connections,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=how.certificate,
        ssl_keyfile=how.key,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int, count: int = 1) -> list[socket.socket]:
    """Sockets to serve on; port 0 is a free one. Several share the port: the system gives each
    connection to one of them. Raises `OSError`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets: list[socket.socket] = []
    for _ in range(count):
        sockets.append(
            socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=count > 1)
        )
        port = sockets[0].getsockname()[1]
    return sockets


def run_here(what: Coroutine[Any, Any, T]) -> T:
    """Run something in the loop that serves best, uvloop where there is one, for as long as this
    process lives: its garbage collector is set for that.
    """
    gc.collect()
    gc.freeze()  # what is loaded by now stays: the collector need not look at it again and again
    gc.set_threshold(GARBAGE)
    if sys.platform != "linux":
        return asyncio.run(what)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(what)


def log_as_json(level: int = logging.INFO) -> None:
    """Log lines as JSON on standard error, our own and what libraries warn of."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format='{"event": "%(name)s"}')
