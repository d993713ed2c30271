"""What is told of a batch, as it goes and at its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field

from cpushare import tables
from cpushare.batch.plan import Files
from cpushare.batch.work import Done, Outcome
from cpushare.cpsc import exits, output
from vm.errors import CPUShareError, OverLimit
from vm.module import Kernel

KILLED = OverLimit(
    "a process of the batch was killed while this picture was under way, or another; if it was for "
    "want of memory, run fewer at once (-j)"
)
NOT_BEGUN = "not begun: another picture had failed"


@dataclass(slots=True)
class Report:
    """What is told of a batch, as it goes and at its end."""

    kernel: Kernel
    values: Mapping[str, object]
    as_json: bool
    alone: bool
    done: dict[int, Done] = field(default_factory=dict)
    failed: dict[int, Exception] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def tell(self, task: Files, outcome: Outcome) -> None:
        """A task has ended. Raises what is a bug."""
        if isinstance(outcome, (CPUShareError, OSError, BrokenExecutor)):
            self.failed[id(task)] = KILLED if isinstance(outcome, BrokenExecutor) else outcome
            if self.as_json and not self.alone:
                output.result_json({"input": task.inputs, "error": str(self.failed[id(task)])})
            return
        if isinstance(outcome, Exception):
            raise outcome
        done = self.done[id(task)] = outcome
        for text in done.notes:
            output.note(text)
        if "-" in task.outputs.values():
            return
        if self.as_json:
            self.tell_json(task, done)
        elif self.alone:
            for path in done.written.values():
                output.note(f"{path} ({done.seconds} s)")

    def tell_json(self, task: Files, done: Done) -> None:
        """A task as an object."""
        fields: dict[str, object] = {"input": task.inputs, "output": done.written}
        if done.is_old:
            fields["made_before"] = True
        if done.record:
            fields["record"] = {name: tables.json_of(v) for name, v in done.record.items()}
        output.result_json({**fields, "seconds": done.seconds})

    def finish(self, tasks: list[Files], table: str | None) -> int:
        """The table, the failures, the exit code."""
        if self.alone and self.failed:
            raise self.failed[id(tasks[0])]
        failures = [task for task in tasks if id(task) in self.failed]
        if table is not None:
            tables.write(table, self.kernel, [self.row(task) for task in tasks])
            output.note(f"{table}: {len(tasks)} rows")
        elif self.kernel.fields and not self.as_json:
            self.show(tasks)
        for task in failures:
            output.error(f"{', '.join(task.inputs.values())}: {self.failed[id(task)]}")
        if not self.alone:
            output.note(self.sum(len(tasks)))
        return exits.exit_code(self.failed[id(failures[0])]) if failures else 0

    def sum(self, total: int) -> str:
        """How many of all are done, how many of them had been before, and how fast it went."""
        seconds = max(time.monotonic() - self.began, 1e-3)
        old = sum(done.is_old for done in self.done.values())
        text = f"{len(self.done)} of {total} pictures done"
        text += f", {old} of them before" if old else ""
        text += f", {len(self.failed)} failed" if self.failed else ""
        return f"{text} ({seconds:.1f} s, {len(self.done) / seconds:.1f} pictures/s)"

    def row(self, task: Files) -> dict[str, tables.Cell]:
        """The row of a task, done, failed, or not begun after another had failed."""
        done, error = self.done.get(id(task)), self.failed.get(id(task))
        record = done.record if done is not None else {}
        text = NOT_BEGUN if done is None else None
        text = text if error is None else str(error)
        return tables.row_of(self.kernel, task.inputs, self.values, record, text)

    def show(self, tasks: list[Files]) -> None:
        """Records that go to no table: the fields of one, or all as CSV."""
        if not self.alone:
            rows = [self.row(task) for task in tasks]
            output.result(tables.csv_text(self.kernel, rows).rstrip("\n"))
            return
        record = self.done[id(tasks[0])].record
        width = max(map(len, record))
        for name, value in record.items():
            output.result(f"{name:{width}} = {tables.text_of(value)}")
