"""What a worker has in hand: leases in line, tasks under way, what goes back undone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING

from msgspec import Struct

from cpushare.market.errors import MarketError
from cpushare.market.messages import HandBack, JobOffer, Lease, Outcome, TaskResult
from cpushare.market.outcomes import outcome_of, outcome_of_trap
from cpushare.market.rasters import blob_name
from cpushare.seller.spool import Batch, joined
from cpushare.seller.task import BadLease, Prepared, Preparer
from cpushare.seller.words import harmless
from vm.errors import Refused, Trap

if TYPE_CHECKING:
    from cpushare.engines.engine import Engine
    from vm.inputs import Outputs

AHEAD_BYTES = 256 << 20
"""Inputs of tasks under way and next in line that are held in memory."""
GATHER_TASKS, GATHER_BYTES = 128, 64 << 20
"""Results that are not kept waiting for others, and inputs that are let go of for the next."""
REASON_CHARS = 200


class Waiting(Struct, frozen=True):
    """A lease that nothing was done for yet."""

    lease: Lease
    offer: JobOffer


class Running(Struct, frozen=True):
    """A task that an engine has, since `began` on the steady clock."""

    prepared: Prepared
    future: Future[Outputs]
    began: float


class _Ended(Struct, frozen=True):
    running: Running
    at: float


class Pace(Struct, frozen=True):
    """Work that was done, and the seconds in which any was under way."""

    units: int
    busy_s: float


class Desk:
    """The leases of one worker that are not answered yet. Its worker's thread uses it.

    `lock` is held while it changes, since whoever stops the worker takes all from it.
    """

    def __init__(self, preparer: Preparer, wake: Callable[[], None]) -> None:
        self._preparer = preparer
        self._wake = wake
        self.waiting: deque[Waiting] = deque()
        self.running: dict[int, Running] = {}
        self.returns: list[HandBack] = []
        self.local_failures = 0
        self.lock = RLock()
        self._ended: deque[_Ended] = deque()
        self._busy_until = 0.0

    def held(self) -> list[int]:
        """The leases in hand."""
        return [each.lease.id for each in self.waiting] + list(self.running)

    def units(self) -> int:
        """Work that is begun or waits."""
        began = sum(each.prepared.lease.units for each in self.running.values())
        return began + sum(each.lease.units for each in self.waiting)

    def has_results(self) -> bool:
        """Whether any task has ended since the pace was last asked for."""
        return bool(self._ended)

    def is_due(self) -> bool:
        """Whether what has ended should be collected now: it is much, or the child has no more."""
        count = len(self._ended)
        if not count:
            return False
        if count >= GATHER_TASKS or count >= len(self.running):
            return True
        return sum(each.running.prepared.size_bytes for each in list(self._ended)) >= GATHER_BYTES

    def pace(self) -> Pace:
        """Of the tasks that have ended since this was last asked."""
        units, busy_s = 0, 0.0
        while self._ended:
            ended = self._ended.popleft()
            busy_s += max(ended.at - max(ended.running.began, self._busy_until), 0.0)
            self._busy_until = max(ended.at, self._busy_until)
            units += ended.running.prepared.lease.units
        return Pace(units, busy_s)

    def lay(self, waiting: Iterable[Waiting]) -> None:
        """Put new leases in line, and fetch what they look at."""
        new = list(waiting)
        self.waiting.extend(new)
        if new:
            self._preparer.prefetch([each.lease for each in new])

    def withdraw(self, leases: set[int]) -> None:
        """Forget leases that are not ours any more, unless they run already."""
        self.waiting = deque(each for each in self.waiting if each.lease.id not in leases)
        for lease in leases & self.running.keys():
            if self.running[lease].future.cancel():
                del self.running[lease]

    def begin(self, engine: Callable[[], Engine | None]) -> None:
        """Check what is next in line and give it to the engine, as far as memory allows.

        Without an engine nothing begins. Raises `Unreachable` and its like for what could not be
        fetched: it stays in line.
        """
        while self.waiting and (self._ahead() < AHEAD_BYTES or not self.running):
            first = self.waiting[0]
            prepared, reason = None, ""
            try:
                prepared = self._preparer.prepare(first.lease, first.offer)
            except BadLease as error:
                reason = str(error)
            with self.lock:
                opened = engine()
                if opened is None or not self.waiting or self.waiting[0] is not first:
                    return
                self.waiting.popleft()
                if prepared is None:
                    self.refuse(first.lease.id, reason)
                    continue
                future = opened.submit(prepared.batch, prepared.task)
                running = Running(prepared, future, time.monotonic())
                self.running[first.lease.id] = running
            future.add_done_callback(partial(self._has_ended, running))

    def _has_ended(self, running: Running, future: Future[Outputs]) -> None:
        """Note when, in the thread of whoever has computed it. The worker is not woken for each."""
        if not future.cancelled():
            self._ended.append(_Ended(running, time.monotonic()))
        if self.is_due():
            self._wake()

    def _ahead(self) -> int:
        return sum(each.prepared.size_bytes for each in list(self.running.values()))

    def _give_back(self, lease: int, reason: str, *, is_refused: bool = False) -> None:
        reason = harmless(reason)[:REASON_CHARS]
        self.returns.append(HandBack(lease, reason, is_refused))
        self.local_failures += 1

    def refuse(self, lease: int, reason: str) -> None:
        """Hand a lease back because it is bad."""
        self._give_back(lease, reason, is_refused=True)

    def collect(self) -> Batch | None:
        """The results of all tasks that have ended; what failed here goes back."""
        parts = []
        for lease, running in list(self.running.items()):
            if running.future.done():
                del self.running[lease]
                made = self._result(running)
                if made is not None:
                    parts.append(made)
        return joined(parts) if parts else None

    def _result(self, running: Running) -> tuple[TaskResult, dict[str, bytes], int] | None:
        """What a task gave, or nothing if that says nothing about the task."""
        lease, batch = running.prepared.lease, running.prepared.batch
        blobs: dict[str, bytes] = {}

        def keep(blob: bytes) -> str:
            name = blob_name(blob)
            blobs[name] = blob
            return name

        outcome: Outcome
        try:
            outcome = outcome_of(batch.signature, running.future.result(), keep)
        except Trap as trap:
            outcome = outcome_of_trap(trap)
        except (Refused, MarketError) as error:
            self.refuse(lease.id, str(error))
            return None
        except CancelledError:
            self.returns.append(HandBack(lease.id, "not begun"))
            return None
        except Exception as error:  # out of time or memory, a broken sandbox: others may do better
            self._give_back(lease.id, f"{type(error).__name__}: {error}")
            return None
        return TaskResult(lease.id, lease.units, outcome), blobs, lease.pay

    def drop_waiting(self, reason: str) -> None:
        """Hand back all that has not begun."""
        for each in self.waiting:
            self.returns.append(HandBack(each.lease.id, reason))
        self.waiting.clear()
        for lease, running in list(self.running.items()):
            if running.future.cancel():
                del self.running[lease]
                self.returns.append(HandBack(lease, reason))

    def drop_all(self, reason: str) -> None:
        """Hand back whatever has not ended; the engine must have been closed."""
        self.drop_waiting(reason)
        for lease, running in list(self.running.items()):
            if not running.future.done() or running.future.cancelled() or _broke(running.future):
                del self.running[lease]
                self.returns.append(HandBack(lease, reason))


def _broke(future: Future[Outputs]) -> bool:
    """Whether a task ended in an error that is none of the task's own."""
    error = future.exception()
    return error is not None and not isinstance(error, Trap)
