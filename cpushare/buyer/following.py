"""Futures of a job's tasks: a thread asks how far the job is, and fulfils them as it goes.

An outcome is given when it is final; where the buyer trusts only itself, when it was computed here
too. Some tasks, drawn by chance, are computed here in any case, and disputed if they differ.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING

from cpushare.buyer.checking import Checker, Disputes
from cpushare.buyer.fetching import Answers, fetch_blobs
from cpushare.market.errors import MarketError, Unreachable
from cpushare.market.messages import JobOrder, Outcome, TaskState
from cpushare.market.outcomes import outputs_from
from cpushare.market.states import OVER
from cpushare.wire.client import ExchangeClient
from vm.errors import Trap
from vm.verifier import VerifiedModule

if TYPE_CHECKING:
    from vm.inputs import Outputs

FIRST_S, NEWS_S, SLOWEST_S = 0.05, 0.3, 1.0
"""How often is asked: first, and when all has been answered; while there is news; and at last when
nothing happens. An answer repeats what is younger than some seconds, so that to ask often is dear.
"""
GIVE_UP_S = 600.0
"""How long an exchange that does not answer is waited for."""
SAMPLE = 1
TASKS_AT_ONCE = 256
EARLY_BYTES = 64 << 20
"""What is kept of a job's images that are not final."""
Waiting = dict[int, list["Future[Outputs]"]]


class Followed:
    """A job, and whoever waits for its tasks: futures by the index of the task."""

    def __init__(
        self,
        client: ExchangeClient,
        job: str,
        verified: VerifiedModule,
        order: JobOrder,
        waiting: Mapping[int, Sequence[Future[Outputs]]],
        sample: int = SAMPLE,
    ) -> None:
        self.client = client
        self.answers = Answers(client, job)
        self.verified = verified
        self.order = order
        self.waiting: Waiting = {index: list(futures) for index, futures in waiting.items()}
        self._kernel = verified.kernels[order.kernel].kernel
        indices = list(self.waiting)
        count = len(indices) if order.trust == "self" else min(sample, len(indices))
        self._sample = set(secrets.SystemRandom().sample(indices, count))
        self._right: dict[int, Outcome] = {}
        self._early: dict[str, bytes] = {}
        self._disputes = Disputes(client, job)

    @property
    def is_ending(self) -> bool:
        """Whether there is an outcome for everything that is waited for."""
        known = self.answers.latest
        return all(index in known and known[index].outcome for index in self.waiting)

    def step(self) -> bool:
        """Ask what is new and fulfil futures; True if anything was new. Raises `MarketError`."""
        news = self.answers.look()
        self._check(news)
        is_over = self.answers.state in OVER
        ready = []
        for index in list(self.waiting):
            state = self.answers.latest.get(index)
            if state is None:
                continue
            if state.failure:
                self._fail(index, MarketError(f"the task was given up: {state.failure}"))
            elif state.outcome is not None and self._is_settled(state, is_over):
                ready.append(state)
        for start in range(0, len(ready), TASKS_AT_ONCE):
            self._fulfil(ready[start : start + TASKS_AT_ONCE])
        self._fetch_early([state for state in news if state.index in self.waiting])
        if is_over:
            self._end()
        elif not self.waiting and self.order.trust == "self" and not self._disputes.wrong:
            self.client.accept(self.answers.job)
        return bool(news)

    def _is_settled(self, state: TaskState, is_over: bool) -> bool:
        if state.index in self._sample and self._right.get(state.index) != state.outcome:
            return state.is_final or is_over
        return state.is_final or is_over or self.order.trust == "self"

    def _check(self, news: Sequence[TaskState]) -> None:
        """Compute here what was drawn, as soon as it is answered: while it may be disputed."""
        self._disputes.send()
        due = [state for state in news if state.index in self._sample and state.outcome]
        if not due:
            return
        with Checker(self.verified, self.order, self.client.download) as checker:
            for state in due:
                if state.outcome is not None and checker.agrees(state.index, state.outcome):
                    self._right[state.index] = state.outcome
                    self._disputes.agrees(state.index)
                else:
                    self._disputes.differs(state.index)

    def _fetch_early(self, answered: Sequence[TaskState]) -> None:
        """Fetch images before they are final, while others are made: they seldom change."""
        room = EARLY_BYTES - sum(map(len, self._early.values()))
        names = [name for name in _images(answered) if name not in self._early]
        for name, blob in fetch_blobs(self.client, names if room > 0 else ()):
            self._early[name] = blob
            room -= len(blob)
            if room <= 0:
                return

    def _fulfil(self, ready: Sequence[TaskState]) -> None:
        names = set(_images(ready))
        blobs = {name: self._early.pop(name) for name in names & self._early.keys()}
        blobs |= fetch_blobs(self.client, names - blobs.keys())
        for state in ready:
            outcome = state.outcome
            if outcome is None:
                continue
            if state.index in self._sample and self._right.get(state.index) != outcome:
                wrong = f"task {state.index} of job {self.answers.job[:12]}: the exchange says "
                self._fail(
                    state.index, MarketError(wrong + "something else than its program gives")
                )
                continue
            for future in self.waiting.pop(state.index):
                try:
                    outputs = outputs_from(self._kernel, outcome, blobs)  # arrays of its own
                except (Trap, MarketError) as error:
                    _settle(future, error)
                else:
                    with suppress(InvalidStateError):
                        future.set_result(outputs)

    def _fail(self, index: int, error: BaseException) -> None:
        for future in self.waiting.pop(index):
            _settle(future, error)

    def _end(self) -> None:
        """Tell whoever still waits that nothing more comes."""
        if self.answers.state == "expired":
            self.fail(MarketError("the job's deadline passed before this task was done"))
        else:
            self.fail(CancelledError())

    def fail(self, error: BaseException) -> None:
        """End all that waits in an error."""
        for index in list(self.waiting):
            self._fail(index, error)


def _images(states: Sequence[TaskState]) -> list[str]:
    return [name for each in states if each.outcome for name in each.outcome.images.values()]


def _settle(future: Future[Outputs], error: BaseException) -> None:
    with suppress(InvalidStateError):
        future.set_exception(error)


class Follower:
    """A thread that follows jobs until all their futures are done. `close` cancels what is not."""

    def __init__(self, ended: Callable[[], None] = lambda: None) -> None:
        self._jobs: list[Followed] = []
        self._changed = threading.Condition()
        self._is_closed = False
        self._ended = ended
        self._silent_since = 0.0
        self._thread: threading.Thread | None = None

    def add(self, job: Followed) -> None:
        """Follow another job."""
        with self._changed:
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="market")
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        pause_s = FIRST_S
        while True:
            with self._changed:
                jobs = list(self._jobs)
                if self._is_closed or not jobs:
                    self._thread = None
                    break
            is_new = False
            for job in jobs:
                is_new |= self._step(job)
            with self._changed:
                self._jobs = [job for job in self._jobs if job.waiting]
                is_ending = any(job.is_ending for job in self._jobs)
                news_s = FIRST_S if is_ending else NEWS_S
                pause_s = news_s if is_new else min(2 * pause_s, SLOWEST_S)
                if self._jobs and not self._is_closed:
                    self._changed.wait(pause_s)
        self._ended()

    def _step(self, job: Followed) -> bool:
        try:
            is_new = job.step()
            self._silent_since = 0.0
            return is_new
        except Unreachable as error:
            now = time.monotonic()
            self._silent_since = self._silent_since or now
            if now - self._silent_since > GIVE_UP_S:
                job.fail(error)
        except Exception as error:  # nobody may wait for ever
            job.fail(error)
        return False

    def close(self) -> None:
        """Cancel the jobs that are not done, and end their futures."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
            thread, jobs = self._thread, self._jobs
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        for job in jobs:
            if job.waiting:
                with suppress(MarketError):
                    job.client.cancel(job.answers.job)
                job.fail(CancelledError())
