"""Batches: one kernel, one set of parameters, many pictures.

    plan(kernel, inputs, named, targets) -> tasks     raises Refused
    run(work, verified, tasks, …) -> exit code

Every picture is a task: read, run, write. One that fails does not stop the rest, unless that is
wanted; what failed is listed at the end. Outputs appear whole or not at all, and a second batch
does only what is missing, whichever engine it has.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from cpushare.batch.plan import Files, plan
from cpushare.batch.pool import ended
from cpushare.batch.progress import progress_bar
from cpushare.batch.report import Report
from cpushare.batch.work import Work, Workshop
from vm.verifier import VerifiedModule

__all__ = ["Files", "Work", "plan", "run"]


def run(
    work: Work,
    verified: VerifiedModule,
    tasks: list[Files],
    *,
    as_json: bool,
    table: str | None = None,
    fails_fast: bool = False,
) -> int:
    """Do all tasks; gives the exit code: 0, or that of the first task that failed.

    With `fails_fast` none is begun after one has failed.
    """
    with closing(Workshop(work, verified)) as shop:
        report = Report(shop.kernel, work.values, as_json, alone=len(tasks) == 1)
        with (
            progress_bar(len(tasks)) as advance,
            interrupts() as asked,
            closing(ended(shop, tasks, fails_fast=fails_fast)) as all_ended,
        ):
            for task, outcome in all_ended:
                if asked.is_set():
                    raise KeyboardInterrupt
                report.tell(task, outcome)
                advance()
        return report.finish(tasks, table)


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """Remembers Ctrl-C: the exception is lost where it strikes a destructor or a callback."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def handler(number: int, frame: object) -> None:
        asked.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
