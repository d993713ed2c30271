"""What anybody may ask unsigned: who the exchange is, how it is, and where its coins came from."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from cpushare._version import __version__
from cpushare.exchange.edge.answers import answer
from cpushare.exchange.edge.openapi import spoken
from cpushare.exchange.jobs import JobDesk
from cpushare.exchange.service import World
from cpushare.market.errors import BadMessage
from cpushare.market.keys import show_key
from cpushare.market.messages import ExchangeInfo, Mints


def public_routes(world: World, desk: JobDesk, operator: bytes) -> APIRouter:
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

    return router
