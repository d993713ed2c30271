"""What is told of a running seller: as JSON, and as a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from rich.table import Table


class WorkerStatus(Struct, frozen=True):
    """One worker: `state` is working, waiting, paused, finishing or stopped; `why` it waits.

    `task` is what runs, `done` how many tasks were answered, `earned` the micro-coins of those
    that the exchange accepted since the start (it pays when a job has been checked), `unsent` the
    micro-coins of results that it does not have yet, `rate` the units of work a second.
    """

    order: str
    worker: str
    state: str
    why: str = ""
    task: str = ""
    held: int = 0
    done: int = 0
    earned: int = 0
    unsent: int = 0
    rate: float = 0.0


class SellerStatus(Struct, frozen=True):
    """All workers, files that are no orders and why, bytes moved today, bytes of the spools."""

    workers: list[WorkerStatus]
    ignored: dict[str, str] = {}
    traffic_bytes: int = 0
    spool_bytes: int = 0


def table(workers: Sequence[WorkerStatus]) -> Table:
    """A table of workers."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False)
    for name in ("order", "worker", "state", "task"):
        made.add_column(name)
    for name in ("held", "done", "earned", "unsent", "Munits/s"):
        made.add_column(name, justify="right")
    for each in workers:
        state = f"{each.state}: {each.why}" if each.why else each.state
        figures = (each.held, each.done, each.earned, each.unsent, round(each.rate / 1e6))
        texts = (each.order, each.worker[:10], state, each.task)
        made.add_row(*(_plain(text) for text in texts), *(f"{n:,}" for n in figures))
    return made


def _plain(text: str) -> str:
    """A text in which rich sees no markup."""
    from rich.markup import escape

    return escape(text)
