"""Requests made by hand, signed and sent as one likes, and what they change."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx

from cpushare.exchange.edge import app
from cpushare.exchange.memory import MemoryStore
from cpushare.exchange.service import World
from cpushare.exchange.sweep import sweep
from cpushare.market import signing
from cpushare.market.keys import KeyPair
from tests.market.serving import Served


def rows(exchange: Served) -> dict[str, Any]:
    """All that the exchange keeps, but for nonces: every row of every table."""
    store = exchange.world.store
    assert isinstance(store, MemoryStore)
    tables = ("accounts", "balances", "transfers", "workers", "jobs", "tasks", "executions")
    return {name: dict(getattr(store, name)) for name in (*tables, "blobs", "ended")}


def signed(
    exchange: Served,
    who: KeyPair,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    nonce: bytes = b"",
    age_s: float = 0.0,
    authority: str = "",
) -> dict[str, str]:
    """Headers that sign a request."""
    path, _, query = target.partition("?")
    host = authority or urlsplit(exchange.address).netloc
    request = signing.Request(method, path, query, host, body)
    nonce = nonce or KeyPair.new().public[:16]
    return signing.sign(request, who, exchange.world.now() - age_s, nonce)


def ask(
    exchange: Served,
    method: str,
    target: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Send a request with these headers; the target goes out as it is."""
    with httpx.Client(trust_env=False, timeout=20) as client:
        url = httpx.URL(exchange.address, raw_path=target.encode())
        return client.request(method, url, content=body, headers=headers or {})


def ask_as(
    exchange: Served, who: KeyPair, method: str, target: str, body: bytes = b""
) -> httpx.Response:
    """Send a request that is signed well."""
    return ask(exchange, method, target, body, signed(exchange, who, method, target, body))


def raw(exchange: Served, *parts: bytes, timeout_s: float = 10.0) -> bytes:
    """Send bytes over a connection of one's own; gives all that came back until it was closed."""
    parsed = urlsplit(exchange.address)
    got = b""
    with socket.create_connection((parsed.hostname, parsed.port or 0), timeout_s) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            while part := connection.recv(65536):
                got += part
        except (ConnectionResetError, BrokenPipeError):
            pass
    return got


@contextmanager
def unchanged(exchange: Served) -> Iterator[None]:
    """Whatever happens in here leaves every row as it was. What time brings has to wait."""
    with patch.object(app, "sweep", _nothing):
        while exchange.run(sweep(exchange.world)):
            pass
        before = rows(exchange)
        yield
        assert rows(exchange) == before


async def _nothing(world: World) -> int:
    return 0


def refused(found: httpx.Response, status: int, kind: str, words: str = "") -> None:
    """That an answer is this error."""
    assert found.status_code == status, found.text
    problem = json.loads(found.content)
    assert problem["kind"] == kind
    assert words in problem["message"]
