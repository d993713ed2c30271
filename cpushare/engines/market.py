"""The market as an engine: tasks that are submitted together become a job of it.

What it may cost, where the exchange is and who pays comes from the settings: `exchange`, `account`,
`price`, `budget`, `trust`. Tasks are collected for a moment; those of one program go as one job for
each parameter set (or for each image, if there are fewer of those). Jobs are named by what is in
them, so that what was paid for is not paid for again.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from cpushare.buyer.accounts import load_account
from cpushare.buyer.exchanges import find_exchange, open_client
from cpushare.buyer.following import Followed, Follower
from cpushare.buyer.pictures import Pictures
from cpushare.buyer.quote import check_budget
from cpushare.buyer.sending import Parts, begin_job, quote_of
from cpushare.buyer.study import terms_of
from cpushare.config import setting, text_setting
from cpushare.engines.engine import Batch, Task
from cpushare.market.messages import JobOrder, decode
from vm import parameters as parameter_values
from vm.errors import CPUShareError, Refused
from vm.inputs import prepare

if TYPE_CHECKING:
    from vm.inputs import Outputs

SLOTS = 128
IN_FLIGHT = 1024
QUIET_S, PATIENCE_S = 0.1, 1.0
"""A job is made when nothing was submitted for so long, or the first task waits so long."""
FIRST_BYTES, PIXEL_BYTES = 1 << 20, 16 << 20
"""And when so many bytes of images wait: while they are worked on, the next are sent. The first job
is a small one, so that there is something to work on; each may be twice as large as the last.
"""


class _Wanted(Struct, frozen=True):
    batch: Batch
    values: bytes
    inputs: dict[str, str]
    future: Future[Outputs]

    @property
    def program(self) -> tuple[str, str, bool]:
        """What all tasks of a job share."""
        return self.batch.verified.hash, self.batch.kernel, self.batch.checked


class MarketEngine:
    """An `Engine` of strangers' machines. Raises `Refused` where a setting is missing."""

    def __init__(self) -> None:
        self._terms = terms_of(
            setting("price") or None, text_setting("budget"), text_setting("trust")
        )
        self._left = self._terms.budget
        self._place = find_exchange(None)
        self._account = text_setting("account")
        self._client = open_client(self._place, load_account(self._account))
        self._follower = Follower()
        self._line: list[_Wanted] = []
        self._pictures = Pictures()
        self._pixel_bytes, self._most_bytes = 0, FIRST_BYTES
        self._first = self._last = 0.0
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="market jobs")
        self._thread.start()

    @property
    def slots(self) -> int:
        """Many: whoever reads pictures for it is to be ahead of it."""
        return SLOTS

    def in_flight(self, batch: Batch, parameters: Mapping[str, object]) -> int:
        """A job's worth."""
        return IN_FLIGHT

    def submit(self, batch: Batch, task: Task) -> Future[Outputs]:
        """Put a task into the next job."""
        future: Future[Outputs] = Future()
        try:
            kernel = batch.signature
            prepared = prepare(kernel, task.inputs, task.parameters)
            values = parameter_values.to_bytes(kernel, prepared.parameters)
            with self._changed:
                if self._is_closed:
                    raise Refused("the engine is closed")
                inputs = {name: self._pictures.add(a) for name, a in prepared.arrays.items()}
                self._pixel_bytes += sum(array.nbytes for array in prepared.arrays.values())
                self._last = time.monotonic()
                self._first = self._first if self._line else self._last
                self._line.append(_Wanted(batch, values, inputs, future))
                self._changed.notify()
        except (CPUShareError, OSError) as error:
            future.set_exception(error)
        return future

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._line and not self._is_closed:
                    self._changed.wait()
                while not self._is_closed and not self._is_full():
                    self._changed.wait(QUIET_S / 4)
                if self._is_closed:
                    return
                line, self._line = self._line, []
                pictures, self._pictures = self._pictures, Pictures()
                self._pixel_bytes, self._most_bytes = 0, min(2 * self._most_bytes, PIXEL_BYTES)
            with pictures:
                self._begin(line, pictures)

    def _is_full(self) -> bool:
        now = time.monotonic()
        is_quiet = now - self._last >= QUIET_S or now - self._first >= PATIENCE_S
        return is_quiet or self._pixel_bytes >= self._most_bytes

    def _begin(self, line: Sequence[_Wanted], pictures: Pictures) -> None:
        alive = [each for each in line if each.future.set_running_or_notify_cancel()]
        for group in _groups(alive):
            try:
                self._begin_job(group, pictures)
            except BaseException as error:  # nobody may wait for ever
                for each in group:
                    if not each.future.done():
                        each.future.set_exception(error)

    def _begin_job(self, group: Sequence[_Wanted], pictures: Pictures) -> None:
        """Make a job of tasks that are every parameter set on every input of theirs."""
        batch, terms = group[0].batch, self._terms
        parameters = list(dict.fromkeys(each.values for each in group))
        rows = list({_row_key(each.inputs): each.inputs for each in group}.values())
        columns = {_row_key(row): number for number, row in enumerate(rows)}
        order = JobOrder(
            batch.verified.hash,
            batch.kernel,
            parameters,
            rows,
            terms.price,
            self._left,
            terms.trust,
            batch.checked,
        )
        parts = Parts(batch.verified, order, pictures, [])
        price = quote_of(parts)
        check_budget(price, self._left)
        if sys.stderr.isatty():
            print(price.text(terms.price, self._left), file=sys.stderr)
        # what it takes is its budget, so that the same tasks are the same job
        parts = structs.replace(parts, order=structs.replace(order, budget=price.reserved))
        status, document = begin_job(self._client, self._place, self._account, parts, keeps=False)
        self._left -= status.reserved
        waiting: dict[int, list[Future[Outputs]]] = {}
        for each in group:
            index = parameters.index(each.values) * len(rows) + columns[_row_key(each.inputs)]
            waiting.setdefault(index, []).append(each.future)
        order = decode(document, JobOrder)
        self._follower.add(Followed(self._client, status.job, batch.verified, order, waiting))

    def close(self) -> None:
        """Cancel what is not done."""
        with self._changed:
            self._is_closed = True
            line, self._line = self._line, []
            self._changed.notify()
        for each in line:
            each.future.cancel()
        self._thread.join()
        self._follower.close()
        with suppress(CancelledError):
            self._pictures.close()
        self._client.close()


def _row_key(inputs: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(inputs.items()))


def _groups(line: Sequence[_Wanted]) -> list[list[_Wanted]]:
    """Tasks that can be jobs: of one program, every parameter set of theirs on every input."""
    programs: dict[tuple[str, str, bool], list[_Wanted]] = {}
    for each in line:
        programs.setdefault(each.program, []).append(each)
    found = []
    for mates in programs.values():
        by_values: dict[object, list[_Wanted]] = {}
        by_inputs: dict[object, list[_Wanted]] = {}
        for each in mates:
            by_values.setdefault(each.values, []).append(each)
            by_inputs.setdefault(_row_key(each.inputs), []).append(each)
        pairs = {(each.values, _row_key(each.inputs)) for each in mates}
        if len(pairs) == len(by_values) * len(by_inputs):
            found.append(mates)
        else:
            found += (by_values if len(by_values) <= len(by_inputs) else by_inputs).values()
    return found
