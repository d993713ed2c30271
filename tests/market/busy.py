"""A busy exchange, made by the real services: computations that run and that ended, sellers that
are new, trusted and caught, pictures, records, traps, and titles that mean harm.

    busy = await make_busy()      over a MemoryStore, with a clock that stands still
    busy = await make_empty()     an exchange in which nothing has happened yet
"""

from __future__ import annotations

import itertools
import random
from functools import cache
from typing import Any

import numpy as np

from compiler.pipeline import compile_text
from cpushare.exchange.jobs import JobDesk
from cpushare.exchange.memory import MemoryStore
from cpushare.exchange.service import World
from cpushare.exchange.sweep import sweep
from cpushare.exchange.workdesk import WorkDesk
from cpushare.market.keys import KeyPair
from cpushare.market.messages import (
    Enrolment,
    JobOrder,
    JobStatus,
    Lease,
    Mint,
    Outcome,
    TaskResult,
    WorkRequest,
    encode,
)
from cpushare.market.mint import sign_mint
from cpushare.market.order import SellOrder, write_order
from cpushare.market.rasters import blob_name, decode_raster, encode_raster
from cpushare.market.signing import Signed
from cpushare.market.trust import TrustPolicy
from cpushare.market.work import kernel_of, named_values
from tests.market.parties import BlobDict, pair
from vm import interp, parameters
from vm.bits import to_raw
from vm.errors import Trap
from vm.verifier import VerifiedModule, verify

ADDRESS = "https://exchange.example:8443"
START = 1_790_000_000.0
HOSTILE = "<script>alert(1)</script> \N{RIGHT-TO-LEFT OVERRIDE}gnp.exe\x07 & 'quotes' \"too\""
STUDY = """
//! Error diffusion, and how far it is from what it was given.

/// What one picture lost.
record Loss { error: f64, white: i32 }

/// Diffuse the error of one threshold along a line; measure what is left of it.
kernel study(
    in  src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    /// Pixels at or above this level become white.
    param threshold: i32 in 1..=255 = 128,
    /// How much of the error the next pixel gets, in sixteenths.
    param share: i32 in 0..=16 = 16,
) -> Loss {
    require(threshold != 255, "a threshold of 255 leaves nothing");
    var err: rows<i32, 1>(src.width);
    scan (x, y) in src {
        let want = i32(src[x, y]) + err[x, y];
        let got = if want >= threshold { 255 } else { 0 };
        dst[x, y] = u8(got);
        err.drop[x + 1, y] += (want - got) * share / 16;
    }
    let total = sum(abs(i32(src[x, y]) - i32(dst[x, y])) for (x, y) in src);
    let white = count(dst[x, y] == 255 for (x, y) in dst);
    return Loss(error: f64(total) / f64(src.width * src.height), white: white);
}
"""


@cache
def program() -> VerifiedModule:
    """The study's program."""
    return verify(compile_text(STUDY, "study.cps").encoded)


@cache
def program_bytes() -> bytes:
    """Its bytes."""
    return compile_text(STUDY, "study.cps").encoded


def picture(seed: int, width: int = 32, height: int = 24) -> np.ndarray[Any, Any]:
    """A soft scene: a ramp, a disc, a few waves."""
    y, x = np.mgrid[0:height, 0:width]
    waves = 40 * np.sin((x + 3 * seed) / (5 + seed)) * np.cos(y / (4 + seed))
    disc = 90 * (np.hypot(x - width * (0.3 + 0.1 * seed), y - height / 2) < height / 3)
    ramp = 150 * x / width
    found: np.ndarray[Any, Any] = np.clip(30 + ramp + waves + disc, 0, 255).astype(np.uint8)
    return found


@cache
def run(given: bytes, src: bytes) -> tuple[Outcome, bytes]:
    """What the study gives for these parameters and this raster, and the raster that it makes."""
    kernel = kernel_of(program(), "study")
    values = named_values(kernel, given)
    try:
        done = interp.run(program(), "study", {"src": decode_raster(src)}, values)
    except Trap as trap:
        return Outcome(trap=str(trap)), b""
    types = {field.name: field.type for field in kernel.kernel.fields}
    record = {name: to_raw(types[name], value) for name, value in done.outputs.record.items()}
    raster = encode_raster(done.outputs["dst"])
    return Outcome({"dst": blob_name(raster)}, record), raster


class Busy:
    """An exchange in memory, and hands to work it with. `now` may be set."""

    def __init__(self) -> None:
        self.now = START
        self.random = random.Random(7)
        self.store = MemoryStore()
        self.blobs = BlobDict()
        self.world = World(
            self.store,
            self.blobs,
            lambda: self.now,
            self.random.random,
            lambda: self.random.getrandbits(62),
            TrustPolicy(probation=4),
            pair("exchange").public,
            pair("checker").public,
        )
        self.jobs, self.work = JobDesk(self.world), WorkDesk(self.world)
        self._nonces = itertools.count()

    def signed(self, who: KeyPair) -> Signed:
        """A request of somebody's, whose signature has been checked."""
        return Signed(who.public, int(self.now), next(self._nonces).to_bytes(16), b"", b"")

    async def upload(self, data: bytes) -> str:
        """Keep a blob, as the front end does."""
        row = await self.blobs.put(data)
        async with self.store.begin() as transaction:
            await transaction.add_blobs([row])
        return row.name

    async def mint(self, account: KeyPair, micro: int, reason: str) -> None:
        """Coins for an account."""
        operator = pair("exchange")
        mint = Mint(account.name, micro, reason, self.now, str(next(self._nonces)))
        await self.jobs.mint(mint, sign_mint(mint, operator), operator.public)

    async def submit(
        self, title: str, thresholds: list[int], shares: list[int], pictures: int = 1, **more: Any
    ) -> JobStatus:
        """A job over a grid of parameters, by one buyer."""
        kernel = program().kernels["study"].kernel
        grid = [
            parameters.to_bytes(
                kernel, parameters.resolve(kernel, {"threshold": level, "share": share})
            )
            for level in thresholds
            for share in shares
        ]
        inputs = [{"src": await self.upload(encode_raster(picture(n)))} for n in range(pictures)]
        name = await self.upload(program_bytes())
        told = {"is_public": True, "trust": "spot", **more}
        order = JobOrder(
            name, "study", grid, inputs, 1_000_000, 10**9, title=title, nonce=title, **told
        )
        return await self.jobs.submit(self.signed(pair("buyer")), encode(order))

    async def enrol(self, worker: str, account: str) -> KeyPair:
        """A worker of an account's sell order."""
        credit, key = pair(account), pair(worker)
        order = SellOrder(ADDRESS, pair("exchange").name, credit.name, 1000)
        text = write_order(order, credit)
        await self.work.enrol(self.signed(key), Enrolment(text, 1 << 34))
        return key

    async def outcome(self, lease: Lease, lie: bool = False) -> Outcome:
        """What a task gives, by the interpreter; a lie has another record."""
        async with self.store.begin() as transaction:
            data = await self.world.blob(transaction, lease.inputs["src"])
        found, raster = run(lease.parameters, data)
        if raster:
            await self.upload(raster)
        return Outcome(found.images, {**found.record, "white": 1}, found.trap) if lie else found

    async def step(self, worker: KeyPair, tasks: int, lie: bool = False) -> int:
        """A worker takes tasks and answers them; gives how many."""
        answer = await self.work.work(self.signed(worker), WorkRequest(wants=tasks))
        results = [
            TaskResult(each.id, each.units, await self.outcome(each, lie)) for each in answer.leases
        ]
        if results:
            await self.work.work(self.signed(worker), WorkRequest(results=results))
        return len(results)

    async def take(self, worker: KeyPair, tasks: int) -> None:
        """A worker takes tasks and keeps them in its hands."""
        await self.work.work(self.signed(worker), WorkRequest(wants=tasks))

    async def finish(self, *workers: KeyPair) -> None:
        """Work until nothing is left."""
        while sum([await self.step(worker, 16) for worker in workers]):
            self.now += 3.0
        await sweep(self.world)


async def make_empty() -> Busy:
    """Nothing has happened yet."""
    return Busy()


async def make_busy() -> Busy:
    """Many things have."""
    busy = Busy()
    await busy.mint(pair("buyer"), 12_345_678_900, "for the first studies")
    await busy.mint(pair("other"), 500_000_000, "for <b>tests</b>")
    ann, ben = await busy.enrol("ann", "a"), await busy.enrol("ben", "b")
    checker = await busy.enrol("checker", "exchange")
    await busy.submit("Thresholds and losses of six scenes", list(range(32, 255, 32)), [0, 16], 6)
    await busy.finish(ann, ben, checker)
    await busy.submit("A grid that traps at its end", [128, 254, 255], [16], 2)
    await busy.finish(ann, ben, checker)
    await busy.submit(HOSTILE, [64, 192], [8], 1)
    liar = await busy.enrol("liar", "c")
    await busy.step(liar, 1, lie=True)
    await busy.finish(ann, ben, checker)
    secret = await busy.submit("The secret study", [100], [4], 1, is_public=False)
    await busy.finish(ann, ben, checker)
    assert secret.title == "The secret study"
    busy.now += 3600.0
    await busy.submit("How much error a line can carry", list(range(20, 240, 20)), [2, 4, 6, 12], 3)
    await busy.step(ann, 16)
    await busy.step(ben, 16)
    await busy.submit("Another secret", [55], [1], 1, is_public=False)
    await busy.submit("Halftones for a newspaper, after Floyd and Steinberg", [77, 99], [3, 5], 2)
    cleo = await busy.enrol("cleo", "d")
    await busy.take(cleo, 3)
    await busy.step(checker, 4)
    return busy
