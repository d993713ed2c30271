"""Runners that stay warm: a strict child for each thread and program, one compile box for all."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from vm import parameters as parameter_values

if TYPE_CHECKING:
    from cpushare.engines.engine import Batch, Task
    from vm.inputs import Outputs
    from vm.sandbox.box import CompileBox
    from vm.sandbox.cache import ObjectCache
    from vm.sandbox.runner import NativeRunner
    from vm.sandbox.warm import WarmKernel

KEPT = 4  # runners of a thread: a child and its arena each

Key = tuple[str, str, str, bytes, bool, bool, str]
Runner = TypeVar("Runner", bound="WarmKernel")


def same_images(a: Task, b: Task) -> bool:
    """Whether two tasks look at the same images."""
    import numpy as np

    return a.inputs.keys() == b.inputs.keys() and all(
        image is b.inputs[name] or np.array_equal(image, b.inputs[name])
        for name, image in a.inputs.items()
    )


class WarmRunners:
    """Runs tasks in children that are kept for tasks of one caller, program and parameters.

    Call `run` from as many threads as tasks are to run at once: a child belongs to its thread.
    """

    def __init__(self) -> None:
        self._local = threading.local()
        self._all: dict[WarmKernel, str] = {}
        self._at_once: dict[tuple[object, ...], int] = {}
        self._counting = threading.Lock()
        self._lock = threading.Lock()
        self._box: CompileBox | None = None
        self._left: set[str] = set()

    def run(self, batch: Batch, task: Task) -> Outputs:
        """Run a task in this thread's child.

        Raises `Refused`, `Trap`, `OverLimit`, `SandboxBroken`, `SandboxUnavailable`.
        """
        return self._runner(batch, task).run(task.inputs)

    def run_many(self, batch: Batch, tasks: Sequence[Task]) -> list[Outputs]:
        """Run tasks of one size at once, in this thread's child: all with the same parameters, or
        all on the same images.

        Raises what `run` raises, for all of them if for one.
        """
        from vm.sandbox.many import ManyRunner

        sets = [self._given(batch, task.parameters) for task in tasks]
        several = any(given != sets[0] for given in sets)
        shared = tuple(tasks[0].inputs) if several else ()
        runner = self._kept(
            batch,
            b"".join(sets) if several else sets[0],
            ManyRunner,
            lambda box, cache: ManyRunner(
                batch.verified,
                batch.kernel,
                [task.parameters for task in tasks] if several else [tasks[0].parameters],
                shared=shared,
                box=box,
                cache=cache,
            ),
        )
        return runner.run([task.inputs for task in tasks])

    def _given(self, batch: Batch, parameters: Mapping[str, object]) -> bytes:
        kernel = batch.signature
        return parameter_values.to_bytes(kernel, parameter_values.resolve(kernel, parameters))

    def tasks_at_once(self, batch: Batch, parameters: Mapping[str, object]) -> int:
        """How many tasks of one size and these parameters are best run at once."""
        from vm.errors import CPUShareError
        from vm.jit.forms import tasks_at_once
        from vm.sandbox.capability import require_native

        if batch.checked:
            return 1
        try:
            values = parameter_values.resolve(batch.signature, parameters)
            key = (batch.verified.hash, batch.kernel, values)
            with self._counting:  # once, however many threads ask
                if key not in self._at_once:
                    kernel = batch.verified.kernels[batch.kernel]
                    self._at_once[key] = tasks_at_once(kernel, values, require_native().cpu)
                return self._at_once[key]
        except CPUShareError:
            return 1  # whoever runs it is told

    def _runner(self, batch: Batch, task: Task) -> NativeRunner:
        from vm.sandbox.runner import NativeRunner

        return self._kept(
            batch,
            self._given(batch, task.parameters),
            NativeRunner,
            lambda box, cache: NativeRunner(
                batch.verified,
                batch.kernel,
                task.parameters,
                box=box,
                cache=cache,
                checked=batch.checked,
                tasks=batch.tasks,
            ),
        )

    def _kept(
        self,
        batch: Batch,
        given: bytes,
        kind: type[Runner],
        make: Callable[[CompileBox, ObjectCache | None], Runner],
    ) -> Runner:
        """The runner of a kind for a program and parameters, of this thread."""
        mode = (batch.checked, batch.use_cache, kind.__name__)
        key = (batch.caller, batch.verified.hash, batch.kernel, given, *mode)
        mine = self._mine()
        for other in [other for other in mine if other[0] in self._left]:
            self._end(mine.pop(other))
        if key not in mine:
            mine[key] = self._made(batch, make)
        mine.move_to_end(key)
        while len(mine) > KEPT:
            _, oldest = mine.popitem(last=False)
            self._end(oldest)
        found = mine[key]
        assert isinstance(found, kind)
        found.memory_limit_bytes = batch.memory_bytes
        return found

    def _mine(self) -> OrderedDict[Key, WarmKernel]:
        if not hasattr(self._local, "runners"):
            self._local.runners = OrderedDict()
        found: OrderedDict[Key, WarmKernel] = self._local.runners
        return found

    def _made(
        self, batch: Batch, make: Callable[[CompileBox, ObjectCache | None], Runner]
    ) -> Runner:
        from cpushare.config import object_cache
        from vm.errors import SandboxBroken
        from vm.sandbox.box import CompileBox

        with self._lock:
            if batch.caller in self._left:
                raise SandboxBroken("whoever wanted this has left")
            if self._box is None:
                self._box = CompileBox()
            runner = make(self._box, object_cache() if batch.use_cache else None)
            self._all[runner] = batch.caller
            return runner

    def _end(self, runner: WarmKernel) -> None:
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

    def interrupt(self) -> None:
        """Kill all children and the box, from any thread: what runs or is compiled fails, and
        nothing is begun.
        """
        self.leave("")
        with self._lock:
            if self._box is not None:
                self._box.interrupt()

    def close(self) -> None:
        """End every child, and the box. Nothing may run any more."""
        with self._lock:
            for runner in self._all:
                runner.close()
            self._all.clear()
            if self._box is not None:
                self._box.close()
                self._box = None
