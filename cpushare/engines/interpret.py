"""The reference interpreter as an engine: anywhere, slowly, and in the caller's own thread."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING

from cpushare.engines.engine import Batch, Task

if TYPE_CHECKING:
    from vm.inputs import Outputs


class InterpretEngine:
    """An `Engine` whose futures are done when they are given."""

    slots = 1

    def in_flight(self, batch: Batch, parameters: Mapping[str, object]) -> int:
        """One is done before the next is begun."""
        return 1

    def submit(self, batch: Batch, task: Task) -> Future[Outputs]:
        """Interpret a task, now."""
        from vm import interp

        future: Future[Outputs] = Future()
        try:
            found = interp.run(
                batch.verified, batch.kernel, task.inputs, task.parameters, checked=batch.checked
            )
            future.set_result(found.outputs)
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing is held."""
