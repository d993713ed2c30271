"""An exchange on 127.0.0.1 for tests: in a thread, and with a buyer who has coins."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
import uvloop

from cpushare.exchange.blobs import BlobStore
from cpushare.exchange.edge.app import create_app
from cpushare.exchange.edge.gate import Limits
from cpushare.exchange.edge.server import Serving, make_server
from cpushare.exchange.jobs import JobDesk
from cpushare.exchange.memory import MemoryStore
from cpushare.exchange.pages.routes import Site
from cpushare.exchange.service import World
from cpushare.exchange.store import Store
from cpushare.market.keys import KeyPair
from cpushare.market.messages import Mint
from cpushare.market.mint import sign_mint
from cpushare.market.order import SellOrder, write_order
from cpushare.market.trust import TrustPolicy
from cpushare.wire.client import ExchangeClient
from tests.market.parties import pair

T = TypeVar("T")
COINS = 1_000_000_000_000
"""Micro-coins of the buyer."""
FREE = Limits(1e9, 1e9, 1e9, 1e9)
"""No rates: tests ask as often as they like."""


@dataclass
class Served:
    """A running exchange. `run` runs a coroutine in its event loop."""

    address: str
    world: World
    loop: asyncio.AbstractEventLoop
    certificate: str = ""
    buyer: KeyPair = field(default_factory=lambda: pair("buyer"))
    operator: KeyPair = field(default_factory=lambda: pair("operator"))
    checker: KeyPair = field(default_factory=lambda: pair("checker"))
    exchange: KeyPair = field(default_factory=lambda: pair("exchange"))

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        """Run something where the exchange runs."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(60)

    def client(self, who: KeyPair) -> ExchangeClient:
        """A client in somebody's name."""
        return ExchangeClient(self.address, who, certificate=self.certificate)

    def fund(self, account: str, amount: int) -> None:
        """Give somebody coins."""
        mint = Mint(account, amount, "for a test", self.world.now(), secrets.token_hex(8))
        signature = sign_mint(mint, self.operator)
        self.run(JobDesk(self.world).mint(mint, signature, self.operator.public))

    def order(self, account: KeyPair, min_price: int = 1) -> str:
        """The text of a sell order for an account."""
        order = SellOrder(
            self.address,
            self.exchange.name,
            account.name,
            min_price,
            certificate=self.certificate,
        )
        return write_order(order, account)


def make_world(
    store: Store,
    blobs: BlobStore,
    policy: TrustPolicy,
    now: Callable[[], float] = time.time,
    seed: int = 1,
) -> World:
    """A world whose chances are a seed's."""
    chance = random.Random(seed)
    return World(
        store,
        blobs,
        now,
        chance.random,
        lambda: chance.getrandbits(62),
        policy,
        pair("exchange").public,
        pair("checker").public,
    )


@contextmanager
def served(
    *,
    store: Store | None = None,
    blobs: BlobStore | None = None,
    policy: TrustPolicy = TrustPolicy(),  # noqa: B008
    limits: Limits = FREE,
    now: Callable[[], float] = time.time,
    address: str | None = None,
    how: Serving = Serving(),  # noqa: B008
    certificate: str = "",
    also: str = "",
) -> Iterator[Served]:
    """An exchange that runs while the block does. The buyer `pair("buyer")` has `COINS`.

    Without `store` and `blobs` it keeps everything in memory. `address` is that of an exchange
    that ran before, to start it again in the same place; `also` another name of its host.
    """
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # its log is not ours
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port = int(address.rpartition(":")[2]) if address else 0
    listening.bind(("127.0.0.1", port))
    authority = f"127.0.0.1:{listening.getsockname()[1]}"
    rows, bytes_ = store or MemoryStore(), blobs or BlobStore.open("memory:///")
    seed = 2 if address else 1  # whoever starts again draws other numbers
    world = make_world(rows, bytes_, policy, now, seed)
    app = create_app(
        world,
        authorities=frozenset({authority, authority.replace("127.0.0.1", also or "127.0.0.1")}),
        operator=pair("operator").public,
        limits=limits,
        site=Site(f"http://{authority}", certificate, "/api/docs"),
    )
    server = make_server(app, how)
    loop = uvloop.new_event_loop()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(server.serve([listening]))
        loop.run_until_complete(loop.shutdown_default_executor())

    thread = threading.Thread(target=serve, name="exchange", daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        scheme = "https" if how.certificate else "http"
        exchange = Served(f"{scheme}://{authority}", world, loop, certificate)
        if address is None:
            exchange.fund(exchange.buyer.name, COINS)
        yield exchange
    finally:
        server.should_exit = True
        thread.join(10)
        loop.close()
        listening.close()
