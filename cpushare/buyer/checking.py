"""A task of a job, computed here: whoever did it for the exchange must have got the same bits.

The inputs are those whose hashes stand in the job's document, which was made here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cpushare.engines import Batch, Task, open_engine
from cpushare.market.errors import Forbidden, TooMuch
from cpushare.market.messages import JobOrder, Outcome, canonical
from cpushare.market.outcomes import outcome_of, outcome_of_trap
from cpushare.market.rasters import blob_name, decode_raster
from vm import parameters as parameter_values
from vm.errors import Trap
from vm.verifier import VerifiedModule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cpushare.wire.client import ExchangeClient

KEPT_INPUTS = 8


class Checker:
    """Computes tasks of a job on this machine; `fetch` gives the blob of an input by its name.

    `engine` is "local" (a strict child), "interpret", or "": the first that works here. A context
    manager.
    """

    def __init__(
        self,
        verified: VerifiedModule,
        order: JobOrder,
        fetch: Callable[[str], bytes],
        engine: str = "",
    ) -> None:
        from cpushare.config import setting
        from vm.sandbox import capability

        native = "local" if capability.check().is_native else "interpret"
        self.engine_name = engine or native
        self._order = order
        self._engine = open_engine(self.engine_name, jobs=1, use_cache=False)
        self._batch = Batch(verified, order.kernel, order.checked, setting("memory_bytes"))

        @lru_cache(KEPT_INPUTS)
        def pixels(name: str) -> NDArray[Any]:
            return decode_raster(fetch(name))

        self._pixels = pixels

    def outcome(self, index: int) -> Outcome:
        """What a task gives. Raises `OverLimit` and others where it cannot be run here."""
        given, inputs = self._order.task(index)
        kernel = self._batch.signature
        values = parameter_values.by_name(kernel, parameter_values.from_bytes(kernel, given))
        arrays = {name: self._pixels(blob) for name, blob in inputs.items()}
        try:
            outputs = self._engine.submit(self._batch, Task(arrays, values)).result()
        except Trap as trap:
            return outcome_of_trap(trap)
        return outcome_of(kernel, outputs, blob_name)

    def agrees(self, index: int, outcome: Outcome) -> bool:
        """Whether a task gives this outcome, bit for bit."""
        return canonical(self.outcome(index)) == canonical(outcome)

    def close(self) -> None:
        """End what runs."""
        self._engine.close()

    def __enter__(self) -> Checker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Disputes:
    """Results of a job that this machine finds wrong, and has the exchange judge."""

    def __init__(self, client: ExchangeClient, job: str) -> None:
        self._client = client
        self._job = job
        self.wrong: set[int] = set()
        self._unsent: set[int] = set()

    def differs(self, index: int) -> None:
        """A task gave something else here."""
        if index not in self.wrong:
            self.wrong.add(index)
            self._unsent.add(index)
            self.send()

    def agrees(self, index: int) -> None:
        """What a task has given by now is what it gives here."""
        self.wrong.discard(index)
        self._unsent.discard(index)

    def send(self) -> None:
        """Dispute what has not been, as far as the job's coins go; who is right gets them back."""
        for index in sorted(self._unsent):
            try:
                self._client.dispute(self._job, [index])
            except TooMuch:
                return
            except Forbidden:  # it is final
                pass
            self._unsent.discard(index)
