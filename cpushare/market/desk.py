"""The desk: the rows that one decision looks at, and what it changed.

Whoever keeps the rows (a database, a dictionary) lays on the desk what a decision may need, lets
the rules work, and then writes what has changed, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from cpushare.market.ledger import Transfer
from cpushare.market.states import Execution, Job, Task, TaskKey, Worker

K = TypeVar("K")
R = TypeVar("R")


class Rows(dict[K, R]):
    """Rows by key; `changed` has those that were put since they were laid out, as they were then
    (None: new ones).
    """

    def __init__(self) -> None:
        super().__init__()
        self.changed: dict[K, R | None] = {}

    def lay(self, key: K, row: R) -> None:
        """A row as it is kept. What has been changed already is left alone."""
        if key not in self.changed:
            self[key] = row

    def put(self, key: K, row: R) -> None:
        """A row as it shall be kept."""
        before = self.get(key)
        if before != row:
            self.changed.setdefault(key, before)
            self[key] = row


class Desk:
    """Rows of each kind, new executions, and transfers to enter."""

    def __init__(self) -> None:
        self.jobs: Rows[int, Job] = Rows()
        self.tasks: Rows[TaskKey, Task] = Rows()
        self.executions: Rows[int, Execution] = Rows()
        self.workers: Rows[int, Worker] = Rows()
        self.new: set[int] = set()
        self.transfers: list[Transfer] = []
        self._of_task: dict[TaskKey, set[int]] = {}

    def lay(self, *rows: Job | Task | Execution | Worker) -> None:
        """Lay rows out as they are kept."""
        for row in rows:
            if isinstance(row, Task):
                self.tasks.lay(row.key, row)
            elif isinstance(row, Execution):
                self.executions.lay(row.id, row)
                self._of_task.setdefault(row.task, set()).add(row.id)
            elif isinstance(row, Job):
                self.jobs.lay(row.id, row)
            else:
                self.workers.lay(row.id, row)

    def put(self, row: Job | Task | Execution | Worker) -> None:
        """Change a row."""
        if isinstance(row, Task):
            self.tasks.put(row.key, row)
        elif isinstance(row, Execution):
            self.executions.put(row.id, row)
        elif isinstance(row, Job):
            self.jobs.put(row.id, row)
        else:
            self.workers.put(row.id, row)

    def add(self, execution: Execution) -> None:
        """A new execution."""
        self.put(execution)
        self._of_task.setdefault(execution.task, set()).add(execution.id)
        self.new.add(execution.id)

    def of_task(self, key: TaskKey) -> list[Execution]:
        """All executions of a task that lie here."""
        return [self.executions[number] for number in sorted(self._of_task.get(key, ()))]

    def of_worker(self, worker: int) -> list[Execution]:
        """All executions that a worker has or had last."""
        return [each for each in self.executions.values() if each.worker == worker]


def task_keys(executions: Iterable[Execution]) -> set[TaskKey]:
    """The tasks that executions are of."""
    return {execution.task for execution in executions}
