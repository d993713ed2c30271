"""Bodies that are read no further than they may be, and no longer."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from cpushare.exchange.edge.answers import TooSlow
from cpushare.market.errors import BadMessage, TooMuch, Unreachable

FIRST_S = 20.0
SLOWEST_BYTES_S = 32 << 10
"""A whole body has `FIRST_S`, and what it takes at this pace."""
MOST_HELD_BYTES = 2 << 30
"""What all bodies that are being read or worked on may hold together."""


class Bodies:
    """The bodies that this front end holds now."""

    def __init__(self, first_s: float = FIRST_S, most_bytes: int = MOST_HELD_BYTES) -> None:
        self._first_s = first_s
        self._most_bytes = most_bytes
        self.held_bytes = 0

    async def read(self, request: Request, most_bytes: int) -> bytes:
        """The body of a request, which has to say how long it is if it is long.

        Raises `TooMuch` as soon as it is clear, `TooSlow`, `BadMessage`, and `Unreachable` if
        there is no room for one more.
        """
        length = length_of(request)
        if length > most_bytes:
            raise TooMuch(f"the body is longer than {most_bytes} bytes")
        if length == 0:
            return b""
        if self.held_bytes + length > self._most_bytes:
            raise Unreachable("the exchange is reading as much as it can: try again later")
        self.held_bytes += length
        try:
            async with asyncio.timeout(self._first_s + length / SLOWEST_BYTES_S):
                return await _collect(request, length)
        except TimeoutError:
            raise TooSlow(f"the body of {length} bytes did not come in time") from None
        except ClientDisconnect:
            raise BadMessage("the body is cut off") from None
        finally:
            self.held_bytes -= length


def length_of(request: Request) -> int:
    """How long a body is, by its head. Raises `BadMessage`."""
    if "transfer-encoding" in request.headers:
        raise BadMessage("say how long the body is: Content-Length, not Transfer-Encoding")
    text = request.headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise BadMessage("Content-Length is no number")
    return int(text)


async def _collect(request: Request, length: int) -> bytes:
    parts: list[bytes] = []
    got = 0
    async for part in request.stream():
        got += len(part)
        if got > length:
            raise BadMessage("the body is longer than it said")
        parts.append(part)
    if got != length:
        raise BadMessage("the body is cut off")
    return b"".join(parts)
