"""A market without a network: buyers and workers that call the exchange's services on a store.

Outcomes are traps, whose words a worker makes up: what is tested is the books, not the sums.
"""

from __future__ import annotations

import asyncio
import random
from functools import cache

import numpy as np

from compiler.pipeline import compile_text
from cpushare.exchange.blobs import describe
from cpushare.exchange.jobs import JobDesk
from cpushare.exchange.service import World
from cpushare.exchange.store import Store
from cpushare.exchange.workdesk import WorkDesk
from cpushare.market.messages import (
    Enrolment,
    JobOrder,
    JobStatus,
    Lease,
    Mint,
    Outcome,
    TaskResult,
    WorkAnswer,
    WorkRequest,
    encode,
)
from cpushare.market.mint import sign_mint
from cpushare.market.order import SellOrder, write_order
from cpushare.market.rasters import blob_name, encode_raster
from cpushare.market.signing import Signed
from cpushare.market.trust import TrustPolicy
from cpushare.market.work import kernel_of
from tests.market.parties import BlobDict, pair
from vm import parameters
from vm.verifier import verify

PROGRAM = """
kernel invert(in src: image<u8>, out dst: image<u8>(src.width, src.height),
              param level: i32 in 0..=2000000 = 255) {
    scan (x, y) in src { dst[x, y] = u8(max(min(level, 255) - i32(src[x, y]), 0)); }
}
"""
PICTURE = encode_raster(np.zeros((2, 2), np.uint8))


@cache
def program() -> bytes:
    """The program's bytes."""
    return compile_text(PROGRAM, "invert.cps").encoded


@cache
def levels(first: int, count: int) -> list[bytes]:
    """The parameters of so many different tasks."""
    kernel = kernel_of(verify(program()), "invert").kernel
    return [
        parameters.to_bytes(kernel, parameters.resolve(kernel, {"level": value}))
        for value in range(first, first + count)
    ]


class Market:
    """A front end on a store, with a clock that stands still unless it is moved."""

    def __init__(
        self,
        store: Store,
        seed: int = 1,
        policy: TrustPolicy | None = None,
        blobs: BlobDict | None = None,
    ) -> None:
        self.store = store
        self.blobs = blobs or BlobDict((program(), PICTURE))
        self.clock = 1_700_000_000.0
        self.random = random.Random(seed)
        self.world = World(
            store,
            self.blobs,
            lambda: self.clock,
            self.random.random,
            lambda: self.random.getrandbits(62),
            policy or TrustPolicy(),
            pair("exchange").public,
            pair("checker").public,
        )
        self.desk = WorkDesk(self.world)
        self.jobs = JobDesk(self.world)

    def account(self, who: str) -> str:
        """The name of an account."""
        return pair(who).name

    def signed(self, who: str) -> Signed:
        """A request's signature that has been checked."""
        return Signed(pair(who).public, int(self.clock), self.random.randbytes(16), b"", b"")

    async def upload(self) -> None:
        """The program, and the picture that tasks are about."""
        async with self.store.begin() as transaction:
            rows = [describe(blob_name(each), each) for each in (program(), PICTURE)]
            await transaction.add_blobs(rows)

    async def mint(self, who: str, amount: int) -> None:
        """Coins for an account."""
        mint = Mint(pair(who).name, amount, "a test", self.clock, str(self.random.random()))
        operator = pair("operator")
        await self.jobs.mint(mint, sign_mint(mint, operator), operator.public)

    async def enrol(self, worker: str, account: str, min_price: int = 1) -> None:
        """Make a worker; "checker" is the exchange's own."""
        credit = pair(account)
        order = SellOrder("https://x.example", pair("exchange").name, credit.name, min_price)
        enrolment = Enrolment(write_order(order, credit), 1 << 33)
        await self.desk.enrol(self.signed(worker), enrolment)

    def order(self, tasks: int, first: int = 0, **fields: object) -> JobOrder:
        """An order of so many tasks."""
        given: dict[str, object] = {"price": 1_000_000_000, "budget": 1 << 50, **fields}
        names = (blob_name(program()), "invert", levels(first, tasks))
        return JobOrder(*names, [{"src": blob_name(PICTURE)}], **given)  # type: ignore[arg-type]

    async def submit(self, buyer: str, order: JobOrder) -> JobStatus:
        """Begin a job."""
        return await self.jobs.submit(self.signed(buyer), encode(order))

    async def work(
        self, worker: str, leases: list[Lease], wants: int, words: str = "honest"
    ) -> WorkAnswer:
        """Answer leases, each by a trap in these words, and ask for more."""
        results = [answered(lease, words) for lease in leases]
        return await self.desk.work(self.signed(worker), WorkRequest(results, wants=wants))


def answered(lease: Lease, words: str = "honest") -> TaskResult:
    """A lease's result, by a trap in these words."""
    return TaskResult(lease.id, lease.units, Outcome(trap=f"{words} {lease.parameters.hex()}"))


def front_ends(stores: list[Store]) -> list[Market]:
    """Several, with one folder of blobs."""
    blobs = BlobDict((program(), PICTURE))
    return [Market(store, seed, blobs=blobs) for seed, store in enumerate(stores)]


async def until_quiet(market: Market, workers: list[str], batch: int = 50) -> int:
    """Let workers work until there is nothing more; gives how many tasks were answered."""
    answered = 0

    async def one(worker: str) -> None:
        nonlocal answered
        leases: list[Lease] = []
        while True:
            answer = await market.work(worker, leases, batch)
            answered += sum(each.verdict == "accepted" for each in answer.receipts)
            leases = answer.leases
            if not leases:
                return

    await asyncio.gather(*map(one, workers))
    return answered
