"""What an engine is: it takes tasks and gives futures."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from vm.module import Kernel
from vm.verifier import VerifiedModule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vm.inputs import Outputs

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Batch:
    """What all tasks of a batch share: the program, which of its kernels, and how it is run.

    In a `checked` batch signed arithmetic traps where it would wrap; a task may take
    `memory_bytes`; with `use_cache` compiled kernels are kept on the disk of whoever compiles.
    `tasks` is how many there will be, if that is known: a few small ones are compiled for sooner.
    No child serves two callers: where there may be more than one, `caller` tells them apart.
    """

    verified: VerifiedModule
    kernel: str
    checked: bool = False
    memory_bytes: int = 8 << 30
    use_cache: bool = True
    caller: str = ""
    tasks: int = 0

    @property
    def signature(self) -> Kernel:
        """The kernel."""
        return self.verified.kernels[self.kernel].kernel


@dataclass(frozen=True, slots=True)
class Task:
    """One run: in images by name, (h, w) or (h, w, channels), and parameters by name.

    Whoever submits a task leaves its arrays alone until the future is done.
    """

    inputs: Mapping[str, NDArray[Any]]
    parameters: Mapping[str, object]


class Engine(Protocol):
    """Runs tasks of any batch. Safe to share between threads."""

    @property
    def slots(self) -> int:
        """How many tasks, or groups of tasks, it works on at once."""

    def in_flight(self, batch: Batch, parameters: Mapping[str, object]) -> int:
        """How many tasks of a batch, begun and waiting, are enough to keep it busy."""

    def submit(self, batch: Batch, task: Task) -> Future[Outputs]:
        """Begin a task.

        The future gives the outputs, arrays of the caller's own, or raises `Refused`, `Trap`,
        `OverLimit`, `SandboxBroken`, `SandboxUnavailable`; it may be cancelled while it waits.
        """

    def close(self) -> None:
        """End what runs and free what is held. Futures that are not done end in an error."""


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def then(future: Future[Given], function: Callable[[Future[Given]], Made]) -> Future[Made]:
    """A future of what `function` makes of a future that has ended, in a result or an error.

    Cancelling one cancels the other.
    """
    made: Future[Made] = Future()

    def ended(source: Future[Given]) -> None:
        if source.cancelled():
            made.cancel()
        if not made.set_running_or_notify_cancel():
            return
        try:
            made.set_result(function(source))
        except BaseException as error:
            made.set_exception(error)

    def cancelled(_: Future[Made]) -> None:
        if made.cancelled():
            future.cancel()

    made.add_done_callback(cancelled)
    future.add_done_callback(ended)
    return made
