"""An engine that asks another only for what it does not know already."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING

from cpushare.engines.engine import Batch, Engine, Task, then
from cpushare.results import ResultCache
from vm.errors import Refused

if TYPE_CHECKING:
    from vm.inputs import Outputs


class CachedEngine:
    """An `Engine` in front of another, which it closes; it keeps what that one makes.

    With `is_fresh` nothing kept is used, but what is made is kept.
    """

    def __init__(self, engine: Engine, results: ResultCache, *, is_fresh: bool = False) -> None:
        self._engine = engine
        self._results = results
        self._is_fresh = is_fresh

    @property
    def slots(self) -> int:
        """Those of the engine behind."""
        return self._engine.slots

    def in_flight(self, batch: Batch, parameters: Mapping[str, object]) -> int:
        """As many as the engine behind wants."""
        return self._engine.in_flight(batch, parameters)

    def submit(self, batch: Batch, task: Task) -> Future[Outputs]:
        """The result that is kept, or a task of the engine behind."""
        try:
            key = self._results.key(batch, task)
        except Refused as error:
            refused: Future[Outputs] = Future()
            refused.set_exception(error)
            return refused
        kept = None if self._is_fresh else self._results.load(key)
        if kept is not None:
            known: Future[Outputs] = Future()
            known.set_result(kept)
            return known

        def keep(done: Future[Outputs]) -> Outputs:
            made = done.result()
            self._results.store(key, made)  # before anybody may change the arrays
            return made

        return then(self._engine.submit(batch, task), keep)

    def close(self) -> None:
        """Close the engine behind."""
        self._engine.close()
