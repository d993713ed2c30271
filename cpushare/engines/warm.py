"""Runners that stay warm: a strict child for each thread and program, one compile box for all."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from vm import parameters as parameter_values

if TYPE_CHECKING:
    from cpushare.engines.engine import Batch, Task
    from vm.inputs import Outputs
    from vm.sandbox.box import CompileBox
    from vm.sandbox.runner import NativeRunner

KEPT = 4  # runners of a thread: a child and its arena each

Key = tuple[str, str, str, bytes, bool, bool]


class WarmRunners:
    """Runs tasks in children that are kept for tasks of one caller, program and parameters.

    Call `run` from as many threads as tasks are to run at once: a child belongs to its thread.
    """

    def __init__(self) -> None:
        self._local = threading.local()
        self._all: list[NativeRunner] = []
        self._lock = threading.Lock()
        self._box: CompileBox | None = None
        self._is_closing = False

    def run(self, batch: Batch, task: Task) -> Outputs:
        """Run a task in this thread's child.

        Raises `Refused`, `Trap`, `OverLimit`, `SandboxBroken`, `SandboxUnavailable`.
        """
        return self._runner(batch, task).run(task.inputs)

    def _runner(self, batch: Batch, task: Task) -> NativeRunner:
        kernel = batch.signature
        values = parameter_values.resolve(kernel, task.parameters)
        given = parameter_values.to_bytes(kernel, values)
        mode = (batch.checked, batch.use_cache)
        key = (batch.caller, batch.verified.hash, batch.kernel, given, *mode)
        mine = self._mine()
        if key not in mine:
            mine[key] = self._make(batch, task)
        mine.move_to_end(key)
        while len(mine) > KEPT:
            _, oldest = mine.popitem(last=False)
            self._end(oldest)
        mine[key].memory_limit_bytes = batch.memory_bytes
        return mine[key]

    def _mine(self) -> OrderedDict[Key, NativeRunner]:
        if not hasattr(self._local, "runners"):
            self._local.runners = OrderedDict()
        found: OrderedDict[Key, NativeRunner] = self._local.runners
        return found

    def _make(self, batch: Batch, task: Task) -> NativeRunner:
        from cpushare.config import object_cache
        from vm.errors import SandboxBroken
        from vm.sandbox.box import CompileBox
        from vm.sandbox.runner import NativeRunner

        with self._lock:
            if self._is_closing:
                raise SandboxBroken("the engine is being closed")
            if self._box is None:
                self._box = CompileBox()
            runner = NativeRunner(
                batch.verified,
                batch.kernel,
                task.parameters,
                box=self._box,
                cache=object_cache() if batch.use_cache else None,
                checked=batch.checked,
            )
            self._all.append(runner)
            return runner

    def _end(self, runner: NativeRunner) -> None:
        with self._lock:
            self._all.remove(runner)
        runner.close()

    def interrupt(self) -> None:
        """Kill every child that runs, from any thread: waiting runs raise `SandboxBroken`."""
        with self._lock:
            self._is_closing = True
            for runner in self._all:
                runner.interrupt()

    def close(self) -> None:
        """End every child, and the box. Nothing may run any more."""
        with self._lock:
            for runner in self._all:
                runner.close()
            self._all.clear()
            if self._box is not None:
                self._box.close()
                self._box = None
