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
        self._all: dict[NativeRunner, str] = {}
        self._lock = threading.Lock()
        self._box: CompileBox | None = None
        self._left: set[str] = set()

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
        for other in [other for other in mine if other[0] in self._left]:
            self._end(mine.pop(other))
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
            if batch.caller in self._left:
                raise SandboxBroken("whoever wanted this has left")
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
            self._all[runner] = batch.caller
            return runner

    def _end(self, runner: NativeRunner) -> None:
        with self._lock:
            self._all.pop(runner, None)
        runner.close()

    def leave(self, caller: str) -> None:
        """Kill a caller's children, from any thread: runs raise `SandboxBroken`, now and later."""
        with self._lock:
            self._left.add(caller)
            for runner, theirs in self._all.items():
                if theirs == caller:
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
