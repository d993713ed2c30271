"""A worker's desk: when results are due, and whom they wake."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, cast

import pytest
from msgspec import structs

from cpushare.engines.engine import Batch, Task
from cpushare.market.messages import JobOffer, Lease
from cpushare.seller.desk import GATHER_BYTES, GATHER_TASKS, Desk, Waiting
from cpushare.seller.task import Prepared, Preparer
from vm.errors import OverLimit

if TYPE_CHECKING:
    from cpushare.engines.engine import Engine
    from vm.inputs import Outputs

OFFER = JobOffer("0" * 64, "k", False)


class Pretender:
    """Ends tasks when it is told to."""

    def __init__(self) -> None:
        self.futures: list[Future[Outputs]] = []

    def submit(self, batch: Batch, task: Task) -> Future[Outputs]:
        future: Future[Outputs] = Future()
        self.futures.append(future)
        return future

    def end(self, count: int) -> None:
        for future in [each for each in self.futures if not each.done()][:count]:
            future.set_exception(OverLimit("too much"))


class Desks:
    """A desk with tasks under way, and how often it woke its worker."""

    def __init__(self, tasks: int, size_bytes: int = 1) -> None:
        self.woken = 0
        self.engine = Pretender()
        batch = cast("Batch", None)

        def prepare(lease: Lease, offer: JobOffer) -> Prepared:
            return Prepared(lease, batch, Task({}, {}), size_bytes)

        preparer: Any = type("Prepared", (), {"prepare": staticmethod(prepare)})()
        preparer.prefetch = lambda leases: None
        self.desk = Desk(cast("Preparer", preparer), self._wake)
        lease = Lease(0, "0" * 64, b"", {}, 7, 1, 1, 0.0)
        self.desk.lay(Waiting(structs.replace(lease, id=n), OFFER) for n in range(tasks))
        self.desk.begin(lambda: cast("Engine", self.engine))

    def _wake(self) -> None:
        self.woken += 1


@pytest.mark.parametrize(
    ("tasks", "size_bytes", "due"),
    [(3, 1, 3), (2 * GATHER_TASKS, 1, GATHER_TASKS), (5, GATHER_BYTES // 2, 2)],
)
def test_results_are_due_when_they_are_many_or_great_or_all(
    tasks: int, size_bytes: int, due: int
) -> None:
    desks = Desks(tasks, size_bytes)
    assert not desks.desk.has_results()
    desks.engine.end(due - 1)
    assert desks.desk.has_results()
    assert not desks.desk.is_due()
    assert desks.woken == 0  # a worker that is woken for each does nothing but look
    desks.engine.end(1)
    assert desks.desk.is_due()
    assert desks.woken == 1


def test_the_pace_is_of_what_was_computed() -> None:
    desks = Desks(4)
    desks.engine.end(2)
    desks.desk.withdraw({2})  # it had not begun
    assert desks.desk.pace().units == 2 * 7
    assert desks.desk.pace().units == 0
    assert desks.desk.held() == [0, 1, 3]
    desks.desk.collect()
    assert desks.desk.held() == [3]
    assert [back.lease for back in desks.desk.returns] == [0, 1]
