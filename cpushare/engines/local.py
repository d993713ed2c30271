"""The machine itself as an engine: threads, each with a strict child of its own.

Tasks wait in one line. Where a kernel runs best on many images at once (serpentine error diffusion,
say), a thread takes all waiting tasks of one size and the same parameters together, up to as many
as a vector has lanes; or those with other parameters on the same images, which then need but one
compilation.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cpushare.engines.engine import Batch, Task, processors
from cpushare.engines.warm import WarmRunners, same_images
from vm import parameters as parameter_values
from vm.errors import CPUShareError, Refused, SandboxBroken
from vm.parameters import ParameterValues

if TYPE_CHECKING:
    from vm.inputs import Outputs

FEWEST_SHARE = 8  # fewer tasks than this part of the lanes are run one by one


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    batch: Batch
    task: Task
    future: Future[Outputs]
    values: ParameterValues | None  # None: they are refused, as whoever runs the task will say

    def goes_with(self, other: _Waiting) -> bool:
        """Whether both can run at once: one program, images of one size."""
        mine, theirs = self.batch, other.batch
        same_program = (
            mine.verified.hash == theirs.verified.hash
            and mine.kernel == theirs.kernel
            and mine.caller == theirs.caller
            and not mine.checked
            and not theirs.checked
        )
        return (
            same_program
            and self.values is not None
            and other.values is not None
            and _shapes(self.task) == _shapes(other.task)
        )


def _shapes(task: Task) -> dict[str, object]:
    return {name: getattr(image, "shape", None) for name, image in task.inputs.items()}


class LocalEngine:
    """An `Engine` of strict children, `jobs` at once (0: one for each processor)."""

    def __init__(self, jobs: int = 0) -> None:
        self.slots = jobs or processors()
        self._runners = WarmRunners()
        self._threads = ThreadPoolExecutor(self.slots, thread_name_prefix="strict-child")
        self._line: deque[_Waiting] = deque()
        self._lock = threading.Lock()

    def in_flight(self, batch: Batch, parameters: Mapping[str, object]) -> int:
        """Two tasks a thread; where it runs many at once, so many for each, and the next."""
        many = self._runners.tasks_at_once(batch, parameters)
        return 2 * self.slots if many == 1 else many * (self.slots + 1)

    def submit(self, batch: Batch, task: Task) -> Future[Outputs]:
        """Have the next free thread run the task in its child."""
        try:
            values = parameter_values.resolve(batch.signature, task.parameters)
        except Refused:
            values = None
        waiting = _Waiting(batch, task, Future(), values)
        with self._lock:
            self._line.append(waiting)
        self._threads.submit(self._work)
        return waiting.future

    def _work(self) -> None:
        """Run the first that waits, and whoever can go with it."""
        group = self._take()
        if not group:
            return
        try:
            self._run(group)
        except BaseException as error:  # nobody may wait for ever
            for waiting in group:
                if not waiting.future.done():
                    waiting.future.set_exception(error)

    def _take(self) -> list[_Waiting]:
        while True:
            with self._lock:
                if not self._line:
                    return []
                first = self._line[0]
            many = self._runners.tasks_at_once(first.batch, first.task.parameters)  # may take long
            with self._lock:
                if not self._line or self._line[0] is not first:
                    continue
                group = [first, *self._mates(first, many)]
                for each in group:
                    self._line.remove(each)
            group = [each for each in group if each.future.set_running_or_notify_cancel()]
            if group:
                return group

    def _mates(self, first: _Waiting, many: int) -> list[_Waiting]:
        """Who runs with the first: others with the same parameters, or on the same images."""
        others = [] if many == 1 else [waiting for waiting in self._line if waiting is not first]
        near = [waiting for waiting in others if waiting.goes_with(first)]
        alike = [waiting for waiting in near if waiting.values == first.values]
        if len(alike) + 1 < many // FEWEST_SHARE:
            alike = [waiting for waiting in near if same_images(waiting.task, first.task)]
        return alike[: many - 1] if len(alike) + 1 >= many // FEWEST_SHARE else []

    def _run(self, group: list[_Waiting]) -> None:
        if len(group) > 1:
            try:
                found = self._runners.run_many(group[0].batch, [each.task for each in group])
            except SandboxBroken:
                raise
            except CPUShareError:  # of one of them: each is told its own
                found = []
            for waiting, outputs in zip(group, found, strict=False):
                waiting.future.set_result(outputs)
            if found:
                return
        for waiting in group:
            try:
                waiting.future.set_result(self._runners.run(waiting.batch, waiting.task))
            except Exception as error:
                waiting.future.set_exception(error)

    def close(self) -> None:
        """Cancel what waits, kill what runs."""
        with self._lock:
            left = list(self._line)
            self._line.clear()
        for waiting in left:
            waiting.future.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._runners.interrupt()
        self._threads.shutdown(wait=True)
        self._runners.close()
