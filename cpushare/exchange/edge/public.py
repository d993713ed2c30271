"""What anybody may ask unsigned: who the exchange is, how it is, and where its coins came from."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from cpushare._version import __version__
from cpushare.exchange.edge.answers import JSON, answer
from cpushare.exchange.edge.health import Health, Pulse, examine
from cpushare.exchange.edge.metrics import Metrics
from cpushare.exchange.edge.openapi import spoken
from cpushare.exchange.jobs import JobDesk
from cpushare.exchange.service import World
from cpushare.market.errors import BadMessage
from cpushare.market.keys import show_key
from cpushare.market.messages import ExchangeInfo, Mints, encode


def public_routes(
    world: World, desk: JobDesk, operator: bytes, metrics: Metrics, pulse: Pulse
) -> APIRouter:
    """The routes of the exchange itself."""
    router = APIRouter(tags=["exchange"])
    info = ExchangeInfo(show_key(world.key), __version__)

    @router.get("/api/info", **spoken(ExchangeInfo, is_signed=False))
    async def get_info(request: Request) -> Response:
        """Who the exchange is, and what it takes."""
        return answer(info)

    @router.get("/api/mints", **spoken(Mints, query=["before"], is_signed=False))
    async def get_mints(request: Request) -> Response:
        """How coins came into being: each time a document that the operator has signed."""
        text = request.query_params.get("before", "0")
        if not (text.isascii() and text.isdigit() and len(text) <= 16):
            raise BadMessage("'before' is a whole number")
        return answer(await desk.mints(operator, int(text)))

    @router.get("/healthz", **spoken(Health, is_signed=False))
    async def get_health(request: Request) -> Response:
        """Whether all parts work: 503 if requests cannot be served."""
        health = await examine(world, pulse)
        status = 200 if health.is_serving else 503
        return Response(encode(health), status, media_type=JSON)

    @router.get("/metrics", include_in_schema=False)
    async def get_metrics(request: Request) -> Response:
        """Numbers for Prometheus."""
        return Response(await metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router
