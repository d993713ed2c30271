"""The results of a computation as rows: of a page that can be sorted by links, or of a CSV file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import AsyncIterator, Sequence
from typing import Any

from msgspec import Struct

from cpushare.exchange.pages.texts import plain_cell
from cpushare.exchange.service import World
from cpushare.market.messages import JobOrder, Outcome, decode
from cpushare.market.outcomes import record_of
from cpushare.market.states import Job, Task, TaskStage
from cpushare.market.work import named_values
from vm.module import Role
from vm.verifier.verified import VerifiedKernel

PAGE_ROWS = 25
MOST_SORTED = 2_000
"""Tasks of the largest computation whose rows can be sorted."""
CSV_ROWS = 1_000
"""Rows of a CSV file that are read and written at a time."""
STAGES = {
    TaskStage.OPEN: "open",
    TaskStage.ANSWERED: "answered",
    TaskStage.FINAL: "final",
    TaskStage.FAILED: "failed",
}


class Row(Struct, frozen=True):
    """A task: its parameters and record by name, and its images by the names of their blobs."""

    index: int
    state: str
    parameters: dict[str, Any]
    inputs: dict[str, str]
    record: dict[str, Any]
    images: dict[str, str]
    problem: str


class Sorting(Struct, frozen=True):
    """By what rows are sorted: `key` is "task", "state", "p.PARAMETER" or "r.FIELD"."""

    key: str = "task"
    is_down: bool = False


class Table(Struct, frozen=True):
    """One page of rows. `pages` counts them, the first is 1; `can_sort` if that is offered."""

    rows: list[Row]
    sorting: Sorting
    page: int
    pages: int
    can_sort: bool


def row_of(kernel: VerifiedKernel, order: JobOrder, task: Task) -> Row:
    """A task as a row. What sellers sent was checked against the kernel when it came."""
    given, inputs = order.task(task.index)
    outcome = decode(task.outcome, Outcome) if task.outcome else Outcome()
    record = record_of(kernel.kernel, outcome) if outcome.record else {}
    parameters = named_values(kernel, given)
    state = "trapped" if outcome.trap else STAGES[task.stage]
    problem = task.failure or outcome.trap
    return Row(task.index, state, parameters, inputs, record, outcome.images, problem)


def _place(row: Row, key: str) -> tuple[int, Any]:
    """Where a row comes: those without a value, and those that are no numbers, are last."""
    if key == "task":
        return 0, row.index
    if key == "state":
        return 0, row.state
    values = row.parameters if key.startswith("p.") else row.record
    value = values.get(key[2:])
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return 1, row.index
    return 0, value


def sort_rows(rows: Sequence[Row], sorting: Sorting) -> list[Row]:
    """Rows in order; equal ones by task, those without a value last either way."""
    placed = [(_place(row, sorting.key), row) for row in rows]
    with_value = [each for each in placed if each[0][0] == 0]
    with_value.sort(key=lambda each: each[0][1], reverse=sorting.is_down)
    return [row for _, row in with_value] + [row for place, row in placed if place[0]]


def sort_keys(kernel: VerifiedKernel) -> list[str]:
    """By what a kernel's rows can be sorted."""
    parameters = [f"p.{parameter.name}" for parameter in kernel.kernel.parameters]
    fields = [f"r.{field.name}" for field in kernel.kernel.fields]
    return ["task", "state", *parameters, *fields]


async def read_rows(
    world: World, job: Job, kernel: VerifiedKernel, order: JobOrder, first: int, count: int
) -> list[Row]:
    """Rows of the tasks from `first` on."""
    async with world.store.begin() as transaction:
        tasks = await transaction.task_page(job.id, first, count)
    return [row_of(kernel, order, task) for task in tasks]


async def read_table(
    world: World,
    job: Job,
    kernel: VerifiedKernel,
    order: JobOrder,
    rows: Sequence[Row],
    sorting: Sorting,
    page: int,
) -> Table:
    """A page; `rows` are those of the first `MOST_SORTED` tasks, all of them in small jobs."""
    pages = max(1, -(-job.tasks // PAGE_ROWS))
    page = min(max(1, page), pages)
    start = (page - 1) * PAGE_ROWS
    if job.tasks <= MOST_SORTED:
        found = sort_rows(rows, sorting)[start : start + PAGE_ROWS]
        return Table(found, sorting, page, pages, True)
    found = await read_rows(world, job, kernel, order, start, PAGE_ROWS)
    return Table(found, Sorting(), page, pages, False)


def _cell(value: object) -> object:
    if isinstance(value, list):
        return " ".join(map(repr, value))
    if isinstance(value, bool):
        return str(value).lower()
    return plain_cell(value) if isinstance(value, str) else value


async def write_csv(
    world: World, job: Job, kernel: VerifiedKernel, order: JobOrder
) -> AsyncIterator[bytes]:
    """All rows as CSV, a piece at a time. Floats are written so that they read back exactly."""
    ours = kernel.kernel
    heads = [
        "task",
        "state",
        *(parameter.name for parameter in ours.parameters),
        *(field.name for field in ours.fields),
        *(f"{image.name}_sha256" for image in ours.images_of(Role.IN)),
        *(f"{image.name}_sha256" for image in ours.images_of(Role.OUT)),
        "problem",
    ]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(heads)
    for first in range(0, job.tasks, CSV_ROWS):
        for row in await read_rows(world, job, kernel, order, first, CSV_ROWS):
            cells: list[object] = [row.index, row.state, *row.parameters.values()]
            cells += [row.record.get(field.name, "") for field in ours.fields]
            cells += [row.inputs[image.name] for image in ours.images_of(Role.IN)]
            cells += [row.images.get(image.name, "") for image in ours.images_of(Role.OUT)]
            writer.writerow([_cell(cell) for cell in (*cells, row.problem)])
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
