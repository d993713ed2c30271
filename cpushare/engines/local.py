"""The machine itself as an engine: threads, each with a strict child of its own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from cpushare.engines.engine import Batch, Task, processors
from cpushare.engines.warm import WarmRunners

if TYPE_CHECKING:
    from vm.inputs import Outputs


class LocalEngine:
    """An `Engine` of strict children, `jobs` at once (0: one for each processor)."""

    def __init__(self, jobs: int = 0) -> None:
        self.slots = jobs or processors()
        self._runners = WarmRunners()
        self._threads = ThreadPoolExecutor(self.slots, thread_name_prefix="strict-child")

    def submit(self, batch: Batch, task: Task) -> Future[Outputs]:
        """Have the next free thread run the task in its child."""
        return self._threads.submit(self._runners.run, batch, task)

    def close(self) -> None:
        """Cancel what waits, kill what runs."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._runners.leave("")
        self._threads.shutdown(wait=True)
        self._runners.close()
