"""The application: every route, what runs beside them, what is around them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import structlog
from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.routing import Route

from cpushare._version import __version__
from cpushare.exchange.edge.answers import refuse
from cpushare.exchange.edge.around import Around
from cpushare.exchange.edge.bell import Bell
from cpushare.exchange.edge.blobs import BlobRoutes
from cpushare.exchange.edge.buyers import account_routes, job_routes
from cpushare.exchange.edge.gate import Gate, Limits
from cpushare.exchange.edge.handbook import document_routes
from cpushare.exchange.edge.health import Pulse
from cpushare.exchange.edge.metrics import Metrics
from cpushare.exchange.edge.public import public_routes
from cpushare.exchange.edge.sellers import Sellers
from cpushare.exchange.jobs import JobDesk
from cpushare.exchange.pages.routes import Site, routes
from cpushare.exchange.service import World
from cpushare.exchange.sweep import sweep
from cpushare.market.errors import MarketError, Unreachable

SWEEP_S, SOON_S = 0.5, 0.1
"""How often is looked what time has brought; and how soon, when results have come."""
SHARE = 2
"""A sweep that has changed nothing is followed by so many times as long without one, another by as
long."""
Beside = Callable[[], Awaitable[object]]
"""Something that runs as long as the application does."""
log = structlog.get_logger("cpushare.exchange")


def create_app(
    world: World,
    *,
    authorities: frozenset[str],
    operator: bytes,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    beside: Sequence[Beside] = (),
    site: Site | None = None,
) -> FastAPI:
    """The exchange as an ASGI application.

    `authorities` are the hosts it goes by, as "host:port" without the usual port; `operator` is
    the key that mints; `beside` runs as long as the application does. `site` is what pages say of
    the exchange; without it there are none.
    """
    gate = Gate(authorities, limits, world.now, time.monotonic)
    bell = Bell(world)
    metrics, pulse = Metrics(world), Pulse(time.monotonic)
    sellers, blobs = Sellers(world, gate, bell, metrics), BlobRoutes(world, gate)
    desk = JobDesk(world)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        every = (bell.serve, lambda: _sweep(world, bell, pulse), *beside)
        tasks = [asyncio.ensure_future(run()) for run in every]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    app = FastAPI(
        version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.include_router(job_routes(desk, gate, bell))
    app.include_router(account_routes(desk, gate))
    app.include_router(public_routes(world, desk, operator, metrics, pulse))
    app.router.routes += [
        Route("/api/workers", sellers.enrol, methods=["POST"]),
        Route("/api/work", sellers.work, methods=["POST"]),
        Route("/api/blobs", blobs.put_many, methods=["POST"]),
        Route("/api/blobs/missing", blobs.missing, methods=["POST"]),
        Route("/api/blobs/read", blobs.get_many, methods=["POST"]),
        Route("/api/blobs/{name:path}", blobs.get, methods=["GET"]),
        Route("/api/blobs/{name:path}", blobs.put, methods=["PUT"]),
    ]
    app.router.routes += document_routes(app)
    if site is not None:
        app.router.routes += routes(world, site)
    hot = {("POST", "/api/work"): sellers.work}
    app.add_middleware(Around, gate=gate, metrics=metrics, hot=hot)
    app.add_exception_handler(MarketError, _refuse)
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, MarketError)
    return refuse(error)


async def _sweep(world: World, bell: Bell, pulse: Pulse) -> None:
    """Do what time brings, again and again."""
    is_well = True
    while True:
        began, share = time.monotonic(), SHARE
        try:
            if await sweep(world):
                bell.ring()
                share = 1
            pulse.beat()
            is_well = True
        except Unreachable as error:  # a database may be away for long: that is said once
            if is_well:
                log.warning("the sweep waits", reason=str(error))
            is_well = False
        except Exception:
            log.exception("the sweep failed")
        await asyncio.sleep(max(SOON_S, share * (time.monotonic() - began)))
        await bell.results(SWEEP_S)
