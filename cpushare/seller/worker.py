"""One worker: a thread that talks to the exchange while its strict child computes.

Each round begins what is next in line, writes what has ended to the spool, and sends one request
with results, what goes back undone, and the wish for more. With nothing in hand it waits at the
exchange; else it asks again when half of some seconds' work is left, so that the child never waits.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from cpushare._version import __version__
from cpushare.engines.engine import Engine
from cpushare.market.errors import BadMessage, MarketError, Missing
from cpushare.market.messages import (
    LEASE_TASKS,
    Enrolment,
    HandBack,
    JobOffer,
    WorkAnswer,
    WorkRequest,
)
from cpushare.seller.allowance import Allowance
from cpushare.seller.backoff import Backoff
from cpushare.seller.desk import Desk, Waiting
from cpushare.seller.machine import Machine, outside
from cpushare.seller.orders import OrderFile
from cpushare.seller.spool import Batch, Spool
from cpushare.seller.state import Traffic
from cpushare.seller.status import WorkerStatus
from cpushare.seller.task import Preparer
from cpushare.seller.words import harmless, without_addresses
from cpushare.wire.client import ExchangeClient

log = logging.getLogger("cpushare.seller")

TARGET_S = 4.0
FIRST_RATE = 100_000_000.0
"""Units of work a second, before any were measured: little, so that the first lease is short."""
GATHER_S = 0.5
POLL_S = 50.0
AGAIN_S, LONGEST_RETRY_S = 1.0, 300.0
"""When whoever has work in hand asks for more again, at least, and whoever has none, at most."""
TICK_S = 0.25
STOPPED = "the seller stopped"
SPOOL_FULL = "unsent results fill their share of the disk"


class Worker:
    """A worker of one sell order. `connect` makes clients in its name, `engine` engines."""

    def __init__(
        self,
        file: OrderFile,
        connect: Callable[[], ExchangeClient],
        engine: Callable[[], Engine],
        spool: Spool,
        machine: Machine,
        traffic: Traffic,
        allowance: Allowance,
        draw: Callable[[], float],
        *,
        is_checker: bool = False,
        is_paused: bool = False,
    ) -> None:
        self.file = file
        self.name = f"{file.path.name}:{file.worker[:6]}"
        self.is_paused = is_paused
        self.is_finishing = False
        self._connect, self._make_engine = connect, engine
        self._spool, self._machine, self._traffic = spool, machine, traffic
        self._allowance = allowance
        self._backoff, self._failing = Backoff(draw), Backoff(draw)
        self._client = connect()
        self._engine: Engine | None = None
        self._wake = threading.Event()
        self._gone = threading.Event()
        self._leaving = threading.Lock()
        self.desk = Desk(
            Preparer(file.order, self._download, is_checker=is_checker), self._wake.set
        )
        self._is_enrolled = False
        self._kept: list[tuple[Path | None, Batch]] = []
        self._found_spool = False
        self._not_before = 0.0
        self._has_waited = False
        self._trouble = ""
        self._done, self._earned = 0, 0
        self._rate = FIRST_RATE
        self._gathered = 0.0
        self._is_disk_full = False
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    # From other threads.

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it still works or waits."""
        return self._thread.is_alive() and not self._gone.is_set()

    def nudge(self) -> None:
        """Look again at what has changed."""
        self._wake.set()

    def pause(self) -> None:
        """Kill what runs, hand all back, wait."""
        self.is_paused = True
        self._abandon("the seller pauses")
        self._wake.set()

    def stop(self, patience_s: float) -> None:
        """Kill what runs and hand all back, within this time."""
        self._gone.set()
        self._wake.set()
        farewell = threading.Thread(target=self._farewell, name="farewell", daemon=True)
        farewell.start()
        farewell.join(patience_s)

    def status(self) -> WorkerStatus:
        """What it does."""
        with self.desk.lock:
            running = [each.prepared for each in self.desk.running.values()]
            held = len(self.desk.held())
            unsent = sum(sum(batch.pay.values()) for _, batch in self._kept)
        why = self._why_not() or self._trouble
        state = "finishing" if self.is_finishing else "paused" if self.is_paused else "working"
        if state == "working" and not running:
            state = "waiting"
            why = why or "the exchange has no work now"
        if not self.is_alive:
            state = "stopped"
        task = f"{running[0].batch.kernel} of {running[0].lease.job[:12]}" if running else ""
        return WorkerStatus(
            self.file.path.name,
            self._client.pair.name,
            state,
            why,
            harmless(task),
            held,
            self._done,
            self._earned,
            unsent,
            self._rate if self._done else 0.0,
        )

    # The rounds.

    def _run(self) -> None:
        while not self._gone.is_set():
            try:
                self._round()
            except MarketError as error:
                self._failed(error)
            except Exception as error:  # a worker goes on; the log says what happened
                log.exception("%s: a bug in CPUShare", self.name)
                self._failed(error)
            if self.is_finishing and not self.desk.held() and not self._kept:
                self._gone.set()
        self._farewell()

    def _failed(self, error: Exception) -> None:
        """Wait, longer each time; say so once."""
        if isinstance(error, Missing):  # the exchange does not know this key any more
            self._is_enrolled = False
        host = urlsplit(self.file.order.exchange).hostname or ""
        text = without_addresses(str(error), host)
        if text != self._trouble:
            log.warning("%s: %s", self.name, text)
        self._trouble = text
        self._sleep(self._backoff.failed())

    def _sleep(self, seconds: float) -> None:
        """Wait, but not when it is time to go."""
        until = time.monotonic() + seconds
        while not self._gone.is_set() and (left := until - time.monotonic()) > 0:
            self._gone.wait(min(left, TICK_S))

    def _why_not(self) -> str:
        if self._is_disk_full:
            return "the disk is full"
        limits, now = self._machine.limits, self._machine.now()
        if limits.day_bytes and self._traffic.today(now) >= limits.day_bytes:
            return "today's traffic is used up"
        if self._spool.size_bytes() >= limits.disk_bytes:
            return SPOOL_FULL
        return outside(self.file.order.hours, now) or self._machine.why_not()

    def _round(self) -> None:
        self._recall()
        if not self._is_enrolled:
            self._enrol()
        idle = self.is_paused or self.is_finishing or bool(self._why_not())
        if not idle:
            self._begin()
        with self.desk.lock:
            if idle:
                self.desk.drop_waiting("the seller has no time for it now")
            self._gather()
        wants = 0 if idle else self._wants()
        if self._kept or self.desk.returns or wants:
            self._ask(wants)
        else:
            self._wake.wait(min(TICK_S, max(self._gather_at() - time.monotonic(), 0.0)))
            self._wake.clear()

    def _recall(self) -> None:
        """Once: what an earlier run could not send."""
        if not self._found_spool:
            found = [(path, self._spool.read(path)) for path in self._spool.files()]
            self._kept += [(path, batch) for path, batch in found if batch is not None]
            self._found_spool = True

    def _enrol(self) -> None:
        order = self.file.order
        enrolled = self._client.enrol(Enrolment(self.file.text, order.memory_bytes, __version__))
        if enrolled.credit != order.credit:
            raise BadMessage("the exchange credits another account than the sell order says")
        self._is_enrolled = True
        log.info("%s: enrolled, %s", self.name, harmless(enrolled.state))

    def _begin(self) -> None:
        if self.desk.waiting:
            self.desk.begin(self._opened)

    def _opened(self) -> Engine | None:
        if self._engine is None and not self._gone.is_set() and not self.is_paused:
            self._engine = self._make_engine()
        return self._engine

    def _gather(self) -> None:
        """Write ended tasks to the spool, some at a time."""
        now = time.monotonic()
        if not self.desk.has_results():
            self._gathered = now
        if now < self._gather_at():
            return
        pace = self.desk.pace()
        batch = self.desk.collect()
        self._gathered = now
        if batch is not None:
            rate = pace.units / max(pace.busy_s, 1e-4)
            self._rate = rate if not self._done else (self._rate + rate) / 2
            self._done += len(batch.results)
            self._allowance.used(len(batch.results))
            self._keep(batch)

    def _gather_at(self) -> float:
        """When results are to be written: at once, when the first of them waits for long, or, as
        there are none yet, no time to wait for.
        """
        if self.desk.is_due():
            return 0.0
        return self._gathered + GATHER_S if self.desk.has_results() else math.inf

    def _keep(self, batch: Batch) -> None:
        try:
            path: Path | None = self._spool.write(batch)
            self._is_disk_full = False
        except OSError as error:
            if not self._is_disk_full:
                log.error(
                    "%s: results cannot be kept on disk (%s): they stay in memory, and nothing new "
                    "is begun until they are sent",
                    self.name,
                    error.strerror,
                )
            self._is_disk_full = True
            path = None
        self._kept.append((path, batch))

    def _wants(self) -> int:
        """How many more tasks to ask for now."""
        held = len(self.desk.held()) + sum(len(batch.results) for _, batch in self._kept[1:])
        room = LEASE_TASKS - held
        little = self.desk.units() < self._rate * TARGET_S / 2 and room >= LEASE_TASKS // 2
        if self.desk.held():
            is_due = little and time.monotonic() >= self._not_before
        else:  # it may wait at the exchange at once, unless it just did, in vain
            is_due = not self._has_waited or time.monotonic() >= self._not_before
        if not is_due or self.desk.returns:
            return 0
        return self._allowance.take(min(room, LEASE_TASKS))

    # One request.

    def _ask(self, wants: int) -> None:
        path, batch = self._kept[0] if self._kept else (None, None)
        results = batch.results if batch else []
        if batch and batch.blobs:
            missing = self._client.missing(list(batch.blobs))
            self._client.upload(blob for name, blob in batch.blobs.items() if name in missing)
        with self.desk.lock:
            returned, self.desk.returns = self.desk.returns[:LEASE_TASKS], []
            later = [r.lease for _, other in self._kept[1:] for r in other.results]
            holding = (self.desk.held() + later)[:LEASE_TASKS]
        is_idle = bool(wants) and not (results or returned or holding)
        room = int(max(self._rate * TARGET_S - self.desk.units(), 0))
        wait_s = POLL_S if is_idle else 0.0
        began = time.monotonic()
        try:
            answer = self._client.work(WorkRequest(results, returned, holding, wants, room, wait_s))
        except BaseException:
            self._allowance.give(wants)
            with self.desk.lock:
                self.desk.returns = returned + self.desk.returns
            raise
        finally:
            self._count()
        if self._gone.is_set():
            self._refuse_late(answer)
            return
        self._backoff.worked()
        self._trouble = ""
        if batch:
            self._kept.pop(0)
            self._settle(path, batch, answer)
        self._has_waited = is_idle
        self._take(answer, set(holding), time.monotonic() - began, wants, len(returned))

    def _settle(self, path: Path | None, batch: Batch, answer: WorkAnswer) -> None:
        """What became of results: a refused one is not sent again."""
        for receipt in answer.receipts:
            if receipt.verdict in ("accepted", "known"):
                self._earned += batch.pay.get(receipt.lease, 0)
            else:
                reason = without_addresses(receipt.reason)
                log.warning("%s: a result was refused: %s", self.name, reason)
        self._failing.worked()
        if path is not None:
            self._spool.forget(path)
        if not self._kept:
            self._is_disk_full = False

    def _take(
        self, answer: WorkAnswer, holding: set[int], took_s: float, wants: int, returned: int
    ) -> None:
        """Put granted leases in line."""
        known = holding | set(self.desk.held())
        new = []
        with self.desk.lock:
            self.desk.withdraw(set(answer.withdrawn))
            for lease in answer.leases[: LEASE_TASKS - len(holding)]:
                offer = answer.jobs.get(lease.job)
                if lease.id in known:
                    continue
                known.add(lease.id)
                if isinstance(offer, JobOffer):
                    new.append(Waiting(lease, offer))
                else:
                    self.desk.refuse(lease.id, "the exchange did not say which program it is")
        self._allowance.give(wants - len(new) + returned)
        retry_s = min(max(answer.retry_s, 0.0), LONGEST_RETRY_S)
        if wants and not new:
            pause_s = retry_s if self._has_waited else AGAIN_S
            self._not_before = time.monotonic() + (pause_s if took_s > 1 else max(pause_s, AGAIN_S))
        if self.desk.local_failures:  # whoever fails again and again asks less often
            self.desk.local_failures = 0
            self._has_waited = True
            self._not_before = time.monotonic() + self._failing.failed()
        self.desk.lay(new)

    def _refuse_late(self, answer: WorkAnswer) -> None:
        """Leases that came when we were gone."""
        if answer.leases:
            self._client.work(WorkRequest(returned=_all_back(answer)))

    def _download(self, names: object) -> dict[str, bytes]:
        found = self._client.download_many(names)  # type: ignore[arg-type]
        self._count()
        return found

    def _count(self) -> None:
        moved, self._client.moved_bytes = self._client.moved_bytes, 0
        self._traffic.add(moved, self._machine.now())

    # The end.

    def _abandon(self, reason: str) -> None:
        """Kill what runs; what had ended is kept."""
        with self.desk.lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
        with self.desk.lock:
            self.desk.drop_all(reason)

    def _farewell(self) -> None:
        """Hand back all; what has ended is in the spool or goes there. Whoever comes second waits
        for the first, and finds nothing to do.
        """
        with self._leaving:
            self._abandon(STOPPED)
            with self.desk.lock:
                batch = self.desk.collect()
                if batch is not None:
                    self._keep(batch)
                returned, self.desk.returns = self.desk.returns, []
            if returned:
                self._hand_back(returned)

    def _hand_back(self, returned: list[HandBack]) -> None:
        """By a connection of its own: the other may be waiting for work."""
        kept = [r.lease for _, each in self._kept for r in each.results][:LEASE_TASKS]
        try:
            with self._connect() as client:
                answer = client.work(WorkRequest(returned=returned[:LEASE_TASKS], holding=kept))
                if answer.leases:
                    client.work(WorkRequest(returned=_all_back(answer), holding=kept))
        except MarketError:
            log.warning("%s: the leases could not be handed back: they will expire", self.name)


def _all_back(answer: WorkAnswer) -> list[HandBack]:
    """Leases that came too late."""
    return [HandBack(lease.id, STOPPED) for lease in answer.leases[:LEASE_TASKS]]
