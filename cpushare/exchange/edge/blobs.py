"""Blobs: /api/blobs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cpushare.exchange.blobdesk import BlobDesk
from cpushare.exchange.blobs import check_name
from cpushare.exchange.edge.answers import BYTES, answer
from cpushare.exchange.edge.gate import Gate
from cpushare.exchange.service import World
from cpushare.market.errors import BadMessage
from cpushare.market.messages import BLOB_BYTES, FRAME_BYTES, BlobNames, decode
from cpushare.market.rasters import blob_name

NAMES_BYTES = 8 << 20
"""A hundred thousand names, and their quotes."""


class BlobRoutes:
    """The routes of blobs."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._gate = gate
        self._desk = BlobDesk(world)

    async def missing(self, request: Request) -> Response:
        """POST /api/blobs/missing."""
        sent = await self._gate.receive(request, NAMES_BYTES)
        names = decode(sent.body, BlobNames).names
        return answer(await self._desk.missing(sent.signed, names))

    async def put(self, request: Request) -> Response:
        """PUT /api/blobs/{name}."""
        name = check_name(request.path_params["name"])
        sent = await self._gate.receive(request, BLOB_BYTES, is_stored=True)
        if blob_name(sent.body) != name:
            raise BadMessage(f"the bytes are not those of blob {name}")
        return answer(await self._desk.keep(sent.signed, [sent.body]))

    async def put_many(self, request: Request) -> Response:
        """POST /api/blobs."""
        sent = await self._gate.receive(request, FRAME_BYTES, is_stored=True)
        return answer(await self._desk.keep_frame(sent.signed, sent.body))

    async def get(self, request: Request) -> Response:
        """GET /api/blobs/{name}."""
        name = check_name(request.path_params["name"])
        sent = await self._gate.receive(request)
        return Response(await self._desk.read(sent.signed, name), media_type=BYTES)

    async def get_many(self, request: Request) -> Response:
        """POST /api/blobs/read."""
        sent = await self._gate.receive(request, NAMES_BYTES)
        names = decode(sent.body, BlobNames).names
        return Response(await self._desk.read_many(sent.signed, names), media_type=BYTES)
