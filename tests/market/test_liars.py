"""Liars at a real exchange, over the wire, with the real checking worker: what they get for it.

The rules' own tests and the simulation have many more kinds; here a study's bits are right in the
end, liars are caught, and what they were not paid for yet is void and done again by others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from cpushare.exchange.books import audit
from cpushare.exchange.memory import MemoryStore
from cpushare.market.messages import Enrolment, JobOffer, Lease, Outcome, TaskResult
from cpushare.market.rasters import blob_name, decode_raster, encode_raster
from cpushare.market.states import Execution, Stage, Standing
from cpushare.market.trust import TrustPolicy
from tests.market.parties import pair
from tests.market.selling import expected, selling, wait_for, write_order
from tests.market.serving import Served, served
from tests.market.study import job, picture, program, submit
from tests.market.workers import Change, Worker, honest, lying

POLICY = TrustPolicy(patience_s=0.1)


def noise() -> Change:
    """Pixels at random."""
    chance = np.random.default_rng(7)

    def change(outcome: Outcome, blobs: dict[str, bytes]) -> Outcome:
        return _drawn(outcome, blobs, lambda p: chance.integers(0, 256, p.shape, np.uint8))

    return change


def copying() -> Change:
    """What the task before gave."""
    before: list[Outcome] = []
    seen: dict[str, bytes] = {}

    def change(outcome: Outcome, blobs: dict[str, bytes]) -> Outcome:
        before.append(outcome)
        seen.update(blobs)
        blobs.update(seen)
        return before[max(len(before) - 2, 0)]

    return change


def skipping() -> Change:
    """Black, without a look at the input."""

    def change(outcome: Outcome, blobs: dict[str, bytes]) -> Outcome:
        return _drawn(outcome, blobs, np.zeros_like)

    return change


def _drawn(
    outcome: Outcome, blobs: dict[str, bytes], draw: Callable[[np.ndarray], np.ndarray]
) -> Outcome:
    images = {}
    for name, blob in outcome.images.items():
        wrong = encode_raster(draw(decode_raster(blobs[blob])))
        blobs[blob_name(wrong)] = wrong
        images[name] = blob_name(wrong)
    return Outcome(images, outcome.record)


class Overcharging(Worker):
    """Says that the work was twice what it is."""

    def _do(self, lease: Lease, offer: JobOffer) -> TaskResult:
        done = super()._do(lease, offer)
        return TaskResult(done.lease, 2 * done.units, done.outcome)


@pytest.fixture
def exchange() -> Iterator[Served]:
    with served(policy=POLICY) as found:
        yield found


def seller(
    stack: ExitStack,
    exchange: Served,
    name: str,
    change: Change,
    account: str = "",
    kind: type[Worker] = Worker,
) -> Worker:
    """A worker that works from now on."""
    client = stack.enter_context(exchange.client(pair(name)))
    order = exchange.order(pair(account or f"{name}'s account"))
    client.enrol(Enrolment(order, 1 << 33))
    worker = kind(client, change)
    worker.start()
    stack.callback(worker.stop)
    return worker


def compute(exchange: Served, folder: Path, liars: Callable[[ExitStack], list[Worker]]) -> None:
    """A study of 24 tasks: liars begin, then an honest seller and the checking worker come. Its
    bits and the books are right in the end.
    """
    order = job(6, 4)
    key = folder / "checker.key"
    exchange.checker.save(key)
    with ExitStack() as stack:
        buyer = stack.enter_context(exchange.client(exchange.buyer))
        status = submit(buyer, order)
        found = liars(stack)
        wait_for(lambda: all(worker.done for worker in found))
        seller(stack, exchange, "honest", honest)
        path = write_order(exchange, folder, "checker's account")
        words = (str(path), "--worker-key", str(key))
        stack.enter_context(selling(folder, *words))
        wait_for(lambda: buyer.status(status.job).state == "done")
        ended = buyer.status(status.job)
        states = {each.index: each for each in buyer.results(status.job).results}
    blobs = {blob_name(picture(seed)): picture(seed) for seed in range(4)}
    right = expected(order, program(), blobs)
    assert [states[index].outcome for index in range(order.tasks)] == right
    assert ended.paid + ended.refunded == ended.reserved
    assert exchange.run(audit(exchange.world.store)) == []


def executions(exchange: Served) -> list[Execution]:
    store = exchange.world.store
    assert isinstance(store, MemoryStore)
    return list(store.executions.values())


def check_caught(exchange: Served, name: str, account: str = "") -> None:
    """It is caught, has nothing, and what it answered is void."""
    store = exchange.world.store
    assert isinstance(store, MemoryStore)
    (worker,) = (each for each in store.workers.values() if each.key == pair(name).public)
    assert worker.standing is Standing.CAUGHT
    mine = [each for each in executions(exchange) if each.worker == worker.id]
    assert {each.stage for each in mine} == {Stage.VOID}
    with exchange.client(pair(account or f"{name}'s account")) as client:
        balance = client.balance()
    assert (balance.available, balance.held) == (0, 0)


@pytest.mark.parametrize("kind", [noise, copying, skipping])
def test_a_liar_is_caught(exchange: Served, tmp_path: Path, kind: Callable[[], Change]) -> None:
    compute(exchange, tmp_path, lambda stack: [seller(stack, exchange, "liar", kind())])
    check_caught(exchange, "liar")


def test_a_wrong_price_is_refused(exchange: Served, tmp_path: Path) -> None:
    def liars(stack: ExitStack) -> list[Worker]:
        return [seller(stack, exchange, "dear", honest, kind=Overcharging)]

    compute(exchange, tmp_path, liars)
    with exchange.client(pair("dear's account")) as client:
        balance = client.balance()
    assert (balance.available, balance.held) == (0, 0)


def test_two_that_tell_the_same_lie_are_both_caught(exchange: Served, tmp_path: Path) -> None:
    def liars(stack: ExitStack) -> list[Worker]:
        return [seller(stack, exchange, name, lying) for name in ("one", "two")]

    compute(exchange, tmp_path, liars)
    for name in ("one", "two"):
        check_caught(exchange, name)


class Half(Worker):
    """Leaves half of the study to another, however quick it is."""

    most = 12


def test_two_of_one_account_do_not_confirm_each_other(exchange: Served, tmp_path: Path) -> None:
    def liars(stack: ExitStack) -> list[Worker]:
        return [seller(stack, exchange, name, lying, "both", Half) for name in ("one", "two")]

    compute(exchange, tmp_path, liars)
    for name in ("one", "two"):
        check_caught(exchange, name, "both")
