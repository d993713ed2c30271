"""What all services of the exchange have: the world outside, and a signature's single use.

Whoever calls them has checked the request's signature (cpushare/market/signing.py); here its nonce
is used up, in the transaction that serves it, so that a request that is sent twice is served once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cpushare.exchange.store import BlobRow, Store, Transaction
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

    async def get_all(self, rows: Sequence[BlobRow]) -> Mapping[str, bytes]:
        """The bytes of some blobs by name, of those that are there."""

    async def put(self, data: bytes) -> BlobRow:
        """Keep a blob; gives what is to be kept of it."""

    async def put_all(self, blobs: Sequence[bytes]) -> list[BlobRow]:
        """Keep some blobs; gives what is to be kept of them."""

    async def check(self) -> None:
        """Raises whatever keeps blobs from being read or written."""


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

    async def blob(self, transaction: Transaction, name: str) -> bytes:
        """A blob's bytes. Raises `Missing`."""
        return (await self.read([name], await transaction.blobs([name])))[0]

    async def read(self, names: Sequence[str], known: Mapping[str, BlobRow]) -> list[bytes]:
        """Blobs of these names. Raises `Missing` if one is not known, or not there any more."""
        found = await self.blobs.get_all([known[name] for name in names if name in known])
        for name in names:
            if name not in found:
                raise Missing(f"there is no blob {name}")
        return [found[name] for name in names]

    async def program(self, transaction: Transaction, name: str) -> VerifiedModule:
        """A verified program. Raises `Missing`, `BadMessage`."""
        found = self._programs.find(name)
        return found or self._programs.add(await self.blob(transaction, name))

    async def order(self, transaction: Transaction, document: str) -> JobOrder:
        """What a job's buyer asked for, by the blob that holds it."""
        if document not in self._orders:
            if len(self._orders) >= KEPT_ORDERS:
                self._orders.pop(next(iter(self._orders)))
            self._orders[document] = decode(await self.blob(transaction, document), JobOrder)
        return self._orders[document]


async def use_up(transaction: Transaction, signed: Signed, now: float) -> None:
    """Take a signature's nonce. Raises `BadSignature` if it was used before."""
    nonce = signed.key, signed.nonce, signed.created + 2.0 * CLOCK_S
    if not await transaction.use_nonces([nonce], now):
        raise BadSignature(SENT_BEFORE)
