"""HTTP/1.1 by httptools, with what uvicorn leaves open: how long headers may be, and how late."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_BYTES = 32 << 10
"""The request line and all headers together."""
HEADER_COUNT = 64
HEADERS_S = 20.0
"""From the first byte of a request, or the beginning of a connection, to the last header."""


class Bounded(HttpToolsProtocol):
    """A connection that ends when its headers are too long, too many or too late.

    `open_now` counts connections by address, for as long as they last.
    """

    open_now: Counter[str] = Counter()
    most_of_address = 0
    headers_s = HEADERS_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, and give its first headers their time."""
        super().connection_made(transport)
        own = transport.get_extra_info("socket")
        if own is not None and own.family in (socket.AF_INET, socket.AF_INET6):
            # else the end of a short answer waits 40 ms for the other side's acknowledgement
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._late: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._address = self.client[0] if self.client else ""
        self.open_now[self._address] += 1
        if self.most_of_address and self.open_now[self._address] > self.most_of_address:
            self._refuse(b"429 Too Many Requests")
            return
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no more."""
        self._end()
        self.open_now[self._address] -= 1
        if not self.open_now[self._address]:
            del self.open_now[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless headers are too long already: they come here in parts."""
        if self.transport.is_closing():
            return
        if self._late is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._late is not None and self._header_bytes > HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Give the headers of another request their time."""
        super().on_message_begin()
        self._kept_bytes = 0
        self._begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, while there are not too many."""
        super().on_header(name, value)
        self._kept_bytes += len(name) + len(value)
        size = len(self.url) + self._kept_bytes
        if len(self.headers) > HEADER_COUNT or size > HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        """Go on with the request, unless it was refused."""
        self._end()
        if not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep what came of the body, unless the request was refused."""
        if not self.transport.is_closing() and self.cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        if not self.transport.is_closing() and self.cycle is not None:
            super().on_message_complete()

    def _begin(self) -> None:
        if self._late is None:
            self._header_bytes = 0
            self._late = self.loop.call_later(self.headers_s, self._refuse, b"408 Request Timeout")

    def _end(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: bytes) -> None:
        self._end()
        if not self.transport.is_closing():
            head = b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(head)
            self.transport.close()


def bounded(most_of_address: int, headers_s: float = HEADERS_S) -> type[Bounded]:
    """The protocol of one server; `most_of_address` connections from one address (0: any)."""
    fields: dict[str, Any] = {
        "open_now": Counter(),
        "most_of_address": most_of_address,
        "headers_s": headers_s,
    }
    return type("BoundedHere", (Bounded,), fields)
