"""Sellers for tests: a daemon as a process of its own, or a worker in this one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from cpushare.market.messages import JobOrder, TaskState
from cpushare.seller.control import ask
from cpushare.seller.status import SellerStatus
from tests.market.serving import Served
from vm.errors import Refused

CALM = {
    "CPUSHARE_SELL_YIELDS": "0",
    "CPUSHARE_SELL_CPU_PRESSURE": "0",
    "CPUSHARE_SELL_MEMORY_PRESSURE": "0",
    "CPUSHARE_SELL_IO_PRESSURE": "0",
    "CPUSHARE_SELL_ON_BATTERY": "1",
}
"""Tests run on busy machines."""


def wait_for(
    is_so: Callable[[], object], within_s: float = 120.0
) -> None:  # what is SCHED_IDLE may starve for long
    until = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.02)


class Seller:
    """A running `cpushare sell`, its state folder and its log."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.state = folder / "state"
        self.log = folder / "log"
        environment = {**os.environ, **CALM, "XDG_CACHE_HOME": str(folder / "cache")}
        words = ["sell", "--state", str(self.state), *arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cpushare.command.main", *words],
                env=environment,
                stderr=log,
                stdout=log,
            )

    def tell(self, word: str = "status") -> SellerStatus:
        return msgspec.json.decode(ask(self.state / "control", word), type=SellerStatus)

    def listens(self) -> bool:
        try:
            return bool(self.tell())
        except Refused:
            return False

    def end(self, number: int = signal.SIGTERM, within_s: float = 10.0) -> float:
        """Send a signal; gives the seconds until it has ended."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(within_s)
        return time.monotonic() - began


@contextlib.contextmanager
def selling(folder: Path, *arguments: str) -> Iterator[Seller]:
    """A seller while the block runs."""
    seller = Seller(folder, *arguments)
    try:
        wait_for(lambda: seller.process.poll() is not None or seller.listens())
        yield seller
    finally:
        if seller.process.poll() is None:
            seller.process.kill()
        seller.process.wait()


def write_order(exchange: Served, folder: Path, account: str = "seller", **fields: int) -> Path:
    """A `.cpu` file."""
    from tests.market.parties import pair

    path = folder / "mine.cpu"
    path.write_text(exchange.order(pair(account), **fields))
    return path


def answers(exchange: Served, job: str) -> dict[int, TaskState]:
    """What a job's buyer sees of its tasks."""
    with exchange.client(exchange.buyer) as buyer:
        return {each.index: each for each in buyer.results(job).results if each.outcome}


def expected(order: JobOrder, program: bytes, blobs: dict[str, bytes]) -> list[object]:
    """What the reference interpreter makes of every task of an order."""
    from cpushare.market.outcomes import outcome_of, outcome_of_trap
    from cpushare.market.rasters import blob_name, decode_raster
    from cpushare.market.work import kernel_of, named_values
    from vm import interp
    from vm.errors import Trap
    from vm.verifier import verify

    verified = verify(program)
    kernel = kernel_of(verified, order.kernel)
    outcomes: list[object] = []
    for index in range(order.tasks):
        given, inputs = order.task(index)
        arrays = {name: decode_raster(blobs[blob]) for name, blob in inputs.items()}
        values = named_values(kernel, given)
        try:
            found = interp.run(verified, order.kernel, arrays, values)
            outcomes.append(outcome_of(kernel.kernel, found.outputs, blob_name))
        except Trap as trap:
            outcomes.append(outcome_of_trap(trap))
    return outcomes
