"""Sellers at work, with real strict children and a real exchange."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.pipeline import compile_text
from cpushare.market.messages import JobOrder, JobStatus, encode
from cpushare.market.rasters import blob_name, decode_raster, encode_raster
from cpushare.market.trust import TrustPolicy
from tests.market.selling import CALM, answers, expected, selling, wait_for, write_order
from tests.market.serving import Served, served
from tests.sandbox.children import needs_native
from vm import parameters
from vm.verifier import verify

pytestmark = needs_native

PROGRAM = """
record Row { sum: i64 }
kernel work(in src: image<u8>, out dst: image<u8>(src.width, src.height),
            param limit: i32 in 0..=300 = 300,
            param rounds: i32 in 1..=1000000 = 1) -> Row {
    require(i32(src[0, 0]) <= limit, "too bright");
    let total = sum(i64(src[x, y]) for (x, y) in src);
    map (x, y) in src {
        var v = i32(src[x, y]);
        for i in 0..rounds { v = (v * 5 + i) & 255; }
        dst[x, y] = u8(v);
    }
    return Row(sum: total);
}
"""


@pytest.fixture
def exchange() -> Iterator[Served]:
    with served(policy=TrustPolicy(new_leases=64)) as found:
        yield found


def program() -> bytes:
    return compile_text(PROGRAM, "work.cps").encoded


def pictures(count: int, side: int = 8) -> dict[str, bytes]:
    blobs = [
        encode_raster(np.random.default_rng(seed).integers(0, 256, (side, side), np.uint8))
        for seed in range(count)
    ]
    return {blob_name(blob): blob for blob in blobs}


def submit(
    exchange: Served, blobs: dict[str, bytes], *settings: dict[str, int]
) -> tuple[JobOrder, JobStatus]:
    kernel = verify(program()).kernels["work"].kernel
    sets = settings or ({},)
    order = JobOrder(
        blob_name(program()),
        "work",
        [parameters.to_bytes(kernel, parameters.resolve(kernel, each)) for each in sets],
        [{"src": name} for name in blobs],
        price=1000,
        budget=1 << 40,
    )
    with exchange.client(exchange.buyer) as buyer:
        buyer.upload([program(), *blobs.values()])
        return order, buyer.submit(encode(order))


def test_a_job_equals_the_interpreters_bits_traps_included(
    exchange: Served, tmp_path: Path
) -> None:
    blobs = pictures(40)
    order, job = submit(exchange, blobs, {"rounds": 3}, {"limit": 100})
    with selling(tmp_path, str(write_order(exchange, tmp_path))) as seller:
        wait_for(lambda: len(answers(exchange, job.job)) == 80)
        wait_for(lambda: seller.tell().workers[0].earned > 0)
        (worker,) = seller.tell().workers
        assert (worker.done, worker.unsent) == (80, 0)
        assert seller.end() < 2
        assert seller.process.returncode == 0
    found = answers(exchange, job.job)
    wanted = expected(order, program(), blobs)
    assert [found[index].outcome for index in range(80)] == wanted
    traps = [each.outcome for each in found.values() if each.outcome and each.outcome.trap]
    assert 0 < len(traps) < 40
    log = seller.log.read_text()
    assert "127.0.0.1" not in log
    assert not re.search(r"\d+\.\d+\.\d+\.\d+|http", log)
    assert "enrolled" in log
    assert not list(seller.state.glob("workers/*/spool/*"))


def long_job(exchange: Served) -> JobStatus:
    """One task of some minutes, and two more behind it."""
    return submit(exchange, pictures(3, 512), {"rounds": 1_000_000})[1]


def leased(exchange: Served) -> int:
    from cpushare.exchange.memory import MemoryStore
    from cpushare.market.states import Stage

    store = exchange.world.store
    assert isinstance(store, MemoryStore)
    return sum(each.stage is Stage.LEASED for each in list(store.executions.values()))


def test_sigterm_hands_the_lease_back_in_mid_run(exchange: Served, tmp_path: Path) -> None:
    long_job(exchange)
    with selling(tmp_path, str(write_order(exchange, tmp_path))) as seller:
        wait_for(lambda: seller.tell().workers[0].task)
        time.sleep(0.5)
        assert leased(exchange) >= 1
        assert seller.end() < 2
        assert leased(exchange) == 0


def test_pause_hands_back_and_resume_goes_on(exchange: Served, tmp_path: Path) -> None:
    long_job(exchange)
    with selling(tmp_path, str(write_order(exchange, tmp_path)), "--paused") as seller:
        time.sleep(0.5)
        assert seller.tell().workers[0].state == "paused"
        assert leased(exchange) == 0
        seller.tell("resume")
        wait_for(lambda: seller.tell().workers[0].task)
        seller.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: leased(exchange) == 0, 3)
        assert seller.tell().workers[0].state == "paused"
        seller.tell("stop")
        assert seller.process.wait(5) == 0


def test_after_so_many_tasks_it_finishes(exchange: Served, tmp_path: Path) -> None:
    _, job = submit(exchange, pictures(30))
    order = str(write_order(exchange, tmp_path))
    with selling(tmp_path, order, "--after", "7") as seller:
        assert seller.process.wait(20) == 0
    assert len(answers(exchange, job.job)) == 7
    assert leased(exchange) == 0


def test_two_copies_are_two_workers_and_files_come_and_go(exchange: Served, tmp_path: Path) -> None:
    folder = tmp_path / "orders"
    folder.mkdir()
    first = write_order(exchange, folder)
    (folder / "readme.txt").write_text("no order")
    (folder / "forged.cpu").write_text(first.read_text().replace("min_price = 1", "min_price = 2"))
    with selling(tmp_path, str(folder)) as seller:
        wait_for(lambda: len(seller.tell().workers) == 1)
        ignored = seller.tell().ignored
        assert "does not end in .cpu" in ignored["readme.txt"]
        assert "not signed by the account" in ignored["forged.cpu"]
        (folder / "copy.cpu").write_bytes(first.read_bytes())
        wait_for(lambda: len(seller.tell().workers) == 2)
        assert len({each.worker for each in seller.tell().workers}) == 2
        first.unlink()
        wait_for(lambda: [each.order for each in seller.tell().workers] == ["copy.cpu"])


def test_killed_and_started_again_nothing_is_lost(exchange: Served, tmp_path: Path) -> None:
    blobs = pictures(40, 64)
    order, job = submit(exchange, blobs, {"rounds": 20_000})
    place = str(write_order(exchange, tmp_path))
    for _ in range(3):
        with selling(tmp_path, place) as seller:
            begun = len(answers(exchange, job.job))
            wait_for(lambda b=begun: len(answers(exchange, job.job)) > b)  # type: ignore[misc]
            seller.end(signal.SIGKILL)
    with selling(tmp_path, place) as seller:
        wait_for(lambda: len(answers(exchange, job.job)) == order.tasks)
        assert seller.tell().workers[0].unsent == 0
    found = answers(exchange, job.job)
    for index, blob in enumerate(blobs.values()):
        outcome = found[index].outcome
        assert outcome is not None
        assert outcome.images["dst"] == blob_name(encode_raster(scrambled(blob, 20_000)))


def scrambled(blob: bytes, rounds: int) -> NDArray[np.uint8]:
    """What the kernel makes of a picture: bytes wrap as its numbers do."""
    pixels = decode_raster(blob)
    for i in range(rounds):
        pixels = pixels * np.uint8(5) + np.uint8(i & 255)
    return pixels


def test_results_wait_for_an_exchange_that_is_gone(tmp_path: Path) -> None:
    from cpushare.exchange.blobs import BlobStore
    from cpushare.exchange.memory import MemoryStore

    store, blobs = MemoryStore(), BlobStore.open("memory:///")
    with served(store=store, blobs=blobs) as exchange:
        order, job = submit(exchange, pictures(2, 256), {"rounds": 150_000})
        place = str(write_order(exchange, tmp_path))
        seller_of = selling(tmp_path, place)
        seller = seller_of.__enter__()
        wait_for(lambda: seller.tell().workers[0].held)
    try:
        wait_for(lambda: seller.tell().workers[0].unsent)
        wait_for(lambda: "does not answer" in seller.tell().workers[0].why)
        assert list(seller.state.glob("workers/*/spool/*.batch"))
        seller.end(signal.SIGKILL)
        with (
            served(store=store, blobs=blobs, address=exchange.address) as again,
            selling(tmp_path, place),
        ):
            wait_for(lambda: len(answers(again, job.job)) == order.tasks)
    finally:
        seller_of.__exit__(None, None, None)


def test_children_and_seller_are_last_in_every_line(
    exchange: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CALM, "CPUSHARE_SELL_YIELDS", "1")
    long_job(exchange)
    with selling(tmp_path, str(write_order(exchange, tmp_path))) as seller:
        wait_for(lambda: seller.tell().workers[0].task)
        time.sleep(1)
        mine = seller.process.pid
        children = Path(f"/proc/{mine}/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        assert len(pids) >= 2  # the compile box, the strict child
        for pid in [mine, *pids]:
            assert os.sched_getscheduler(pid) == os.SCHED_IDLE
            assert os.getpriority(os.PRIO_PROCESS, pid) == 19
