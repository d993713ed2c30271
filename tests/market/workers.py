"""Sellers for tests of buyers: an honest one that interprets, and what liars would do instead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from cpushare.market.errors import MarketError
from cpushare.market.keys import KeyPair
from cpushare.market.messages import (
    Enrolment,
    JobOffer,
    Lease,
    Outcome,
    TaskResult,
    WorkRequest,
)
from cpushare.market.outcomes import outcome_of, outcome_of_trap
from cpushare.market.rasters import blob_name, decode_raster, encode_raster
from cpushare.wire.client import ExchangeClient
from tests.market.parties import pair
from tests.market.serving import Served
from vm import interp, parameters
from vm.errors import Trap
from vm.inputs import prepare
from vm.verifier import VerifiedModule, verify

Change = Callable[[Outcome, dict[str, bytes]], Outcome]


def honest(outcome: Outcome, blobs: dict[str, bytes]) -> Outcome:
    """What was computed."""
    return outcome


def lying(outcome: Outcome, blobs: dict[str, bytes]) -> Outcome:
    """Every image with its first pixel changed."""
    images = {}
    for name, blob in outcome.images.items():
        pixels = decode_raster(blobs[blob]).copy()
        pixels.flat[0] = pixels.flat[0] + 1
        wrong = encode_raster(pixels)
        blobs[blob_name(wrong)] = wrong
        images[name] = blob_name(wrong)
    return Outcome(images, outcome.record)


class Worker:
    """Takes leases and answers them, in a thread of its own: `most` of them."""

    most = 1 << 30

    def __init__(self, client: ExchangeClient, change: Change = honest) -> None:
        self.client = client
        self.change = change
        self.done = 0
        self.errors: list[BaseException] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._program = lru_cache(8)(self._loaded)

    def _loaded(self, name: str) -> VerifiedModule:
        return verify(self.client.download(name))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)

    def _run(self) -> None:
        results: list[TaskResult] = []
        wants = min(16, self.most)
        while not self._stop.is_set():
            try:
                answer = self.client.work(
                    WorkRequest(results=results, wants=wants, units=1 << 40, wait_s=0.0)
                )
                results = [self._do(lease, answer.jobs[lease.job]) for lease in answer.leases]
                self.done += len(results)
                wants = min(16, self.most - self.done)
            except MarketError as error:
                self.errors.append(error)
                results = []
            if not results:
                self._stop.wait(0.02)

    def _do(self, lease: Lease, offer: JobOffer) -> TaskResult:
        verified = self._program(offer.program)
        found = verified.kernels[offer.kernel]
        values = parameters.from_bytes(found.kernel, lease.parameters)
        named = parameters.by_name(found.kernel, values)
        arrays = {n: decode_raster(self.client.download(b)) for n, b in lease.inputs.items()}
        prepared = prepare(found.kernel, arrays, named)
        units = found.cost.evaluate(prepared.dimensions, values)
        blobs: dict[str, bytes] = {}

        def keep(blob: bytes) -> str:
            blobs[blob_name(blob)] = blob
            return blob_name(blob)

        try:
            run = interp.run(verified, offer.kernel, arrays, named, checked=offer.checked)
            outcome = outcome_of(found.kernel, run.outputs, keep)
        except Trap as trap:
            outcome = outcome_of_trap(trap)
        outcome = self.change(outcome, blobs)
        self.client.upload([blobs[name] for name in outcome.images.values()])
        return TaskResult(lease.id, units, outcome)


@contextmanager
def working(
    exchange: Served, name: str = "seller", change: Change = honest, key: KeyPair | None = None
) -> Iterator[Worker]:
    """A worker that works while the block does; as the exchange's own if its key is `key`."""
    account, mine = pair(f"{name}'s account"), key or pair(name)
    client = exchange.client(mine)
    client.enrol(Enrolment(exchange.order(account), 1 << 33))
    worker = Worker(client, change)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        client.close()
