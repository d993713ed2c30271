"""What all services of the exchange have: the world outside, and a signature's single use.

Whoever calls them has checked the request's signature (cpushare/market/signing.py); here its nonce
is used up, in the transaction that serves it, so that a request that is sent twice is served once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cpushare.exchange.store import Store, Transaction
from cpushare.market.desk import Desk
from cpushare.market.errors import BadSignature, Missing
from cpushare.market.messages import JobOrder, decode
from cpushare.market.programs import Programs
from cpushare.market.rules import Rules
from cpushare.market.signing import CLOCK_S, Signed
from cpushare.market.trust import TrustPolicy
from vm.verifier import VerifiedModule

KEPT_PROGRAMS, KEPT_ORDERS = 64, 64
"""What is kept in memory of what was read last."""
SENT_BEFORE = "this request was sent before"


class Blobs(Protocol):
    """Bytes by their sha256 (cpushare/exchange/blobs.py)."""

    async def get(self, name: str) -> bytes | None:
        """The bytes of this name, if they are there."""

    async def get_all(self, names: Sequence[str]) -> Mapping[str, bytes]:
        """Those of some blobs that are there."""

    async def put(self, data: bytes) -> str:
        """Keep bytes; gives their name."""

    async def check(self) -> None:
        """Raises whatever keeps blobs from being read or written."""

    async def put_all(self, blobs: Sequence[bytes]) -> list[str]:
        """Keep some blobs; gives their names."""


class World:
    """What the exchange has of the world outside, and its policy: a simulation passes its own.

    `now` gives seconds since 1970, `draw` uniform numbers in [0, 1) that nobody can foresee,
    `fresh` random whole numbers of 62 bits. `checker` is the key of the exchange's own worker.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        now: Callable[[], float],
        draw: Callable[[], float],
        fresh: Callable[[], int],
        policy: TrustPolicy,
        key: bytes,
        checker: bytes,
    ) -> None:
        self.store = store
        self.blobs = blobs
        self.now = now
        self.draw = draw
        self.fresh = fresh
        self.policy = policy
        self.key = key
        self.checker = checker
        self._programs = Programs(KEPT_PROGRAMS)
        self._orders: dict[str, JobOrder] = {}

    def rules(self, desk: Desk) -> Rules:
        """The rules at this moment."""
        return Rules(desk, self.policy, self.now(), self.draw, self.fresh)

    async def blob(self, name: str) -> bytes:
        """A blob's bytes. Raises `Missing`."""
        data = await self.blobs.get(name)
        if data is None:
            raise Missing(f"there is no blob {name}")
        return data

    async def program(self, name: str) -> VerifiedModule:
        """A verified program. Raises `Missing`, `BadMessage`."""
        return self._programs.find(name) or self._programs.add(await self.blob(name))

    async def order(self, document: str) -> JobOrder:
        """What a job's buyer asked for, by the blob that holds it."""
        if document not in self._orders:
            if len(self._orders) >= KEPT_ORDERS:
                self._orders.pop(next(iter(self._orders)))
            self._orders[document] = decode(await self.blob(document), JobOrder)
        return self._orders[document]


async def use_up(transaction: Transaction, signed: Signed, now: float) -> None:
    """Take a signature's nonce. Raises `BadSignature` if it was used before."""
    nonce = signed.key, signed.nonce, signed.created + 2.0 * CLOCK_S
    if not await transaction.use_nonces([nonce], now):
        raise BadSignature(SENT_BEFORE)
