"""A server of an exchange's pages on 127.0.0.1, in a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette

from cpushare.exchange.pages.routes import Site, routes
from tests.market.busy import ADDRESS, Busy

V = TypeVar("V")
CERTIFICATE = "5a" * 32


def application(busy: Busy) -> Starlette:
    """The pages of an exchange, and nothing else."""
    return Starlette(routes=routes(busy.world, Site(ADDRESS, CERTIFICATE)))


class Serving:
    """A server that runs: `address` to ask, `do` to work on its exchange in its own loop."""

    busy: Busy

    def __init__(self, make: Callable[[], Coroutine[Any, Any, Busy]]) -> None:
        self._make = make
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.busy = await self._make()
        app = application(self.busy)
        config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        await self._server.serve([self._socket])

    def start(self) -> None:
        """Begin, and wait until it answers."""
        self._thread.start()
        while self._server is None or not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)

    def stop(self) -> None:
        """End, and wait for it."""
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join()

    def do(self, work: Coroutine[Any, Any, V]) -> V:
        """Work on the exchange between two requests."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


@contextmanager
def serving(make: Callable[[], Coroutine[Any, Any, Busy]]) -> Iterator[Serving]:
    """A server of a new exchange, `make_busy` or `make_empty`, for as long as the context lasts."""
    server = Serving(make)
    try:
        server.start()
        yield server
    finally:
        server.stop()
