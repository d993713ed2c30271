"""Structs from a table's columns, and columns from structs, in the order of schema.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cpushare.exchange.store import BlobRow
from cpushare.market.ledger import Balance, Step, Transfer
from cpushare.market.rasters import RasterShape
from cpushare.market.states import (
    Execution,
    Job,
    JobState,
    Purpose,
    Stage,
    Standing,
    Task,
    TaskStage,
    Worker,
)
from vm.types import ScalarType

Row = Sequence[Any]
_PURPOSES, _STAGES, _TASK_STAGES, _STEPS = [*Purpose], [*Stage], [*TaskStage], [*Step]
_TYPES = {each.label: each for each in ScalarType}
_STANDINGS = {each.value: each for each in Standing}
_JOB_STATES = {each.value: each for each in JobState}


def execution_of(row: Row) -> Execution:
    """An execution."""
    return Execution(
        row[0],
        row[1],
        row[2],
        _PURPOSES[row[3]],
        row[4],
        row[5],
        row[6],
        row[7],
        _STAGES[row[8]],
        row[9] or 0,
        row[10],
        row[11],
        row[12],
        bool(row[13]),
        row[14],
        row[15],
        row[16],
        row[17],
        bool(row[18]),
    )


def of_execution(each: Execution) -> Row:
    """An execution's columns."""
    return (
        each.id,
        each.job,
        each.index,
        int(each.purpose),
        each.price,
        each.units,
        each.memory_bytes,
        each.pay,
        int(each.stage),
        each.worker or None,
        each.account,
        each.avoid_worker,
        each.avoid_account,
        each.for_checker,
        each.deadline,
        each.outcome,
        each.since,
        each.failures,
        each.was_checked,
    )


def task_of(row: Row) -> Task:
    """A task."""
    return Task(row[0], row[1], row[2], _TASK_STAGES[row[3]], row[4], row[5], row[6])


def of_task(task: Task) -> Row:
    """A task's columns."""
    return (
        task.job,
        task.index,
        task.work,
        int(task.stage),
        task.outcome,
        task.failure,
        task.changed,
    )


def worker_of(row: Row) -> Worker:
    """A worker."""
    return Worker(row[0], row[1], row[2], _STANDINGS[row[3]], *row[4:])


def job_of(row: Row) -> Job:
    """A job."""
    fields = [*row]
    fields[4], fields[18] = _JOB_STATES[row[4]], _JOB_STATES[row[18]]
    fields[14], fields[17] = bool(row[14]), bool(row[17])
    return Job(*fields)


def of_job(job: Job) -> Row:
    """A job's columns but its number, which the database gives."""
    return (
        job.hash,
        job.buyer,
        job.escrow,
        job.state.value,
        job.trust,
        job.price,
        job.tasks,
        job.reserved,
        job.checks_left,
        job.created,
        job.deadline,
        job.program,
        job.kernel,
        job.checked,
        job.document,
        job.title,
        job.is_public,
        job.ending.value,
        job.ended,
        job.closes,
    )


def balance_of(row: Row) -> Balance:
    """An account's sums."""
    return Balance(row[0], row[1], row[2], row[3], row[4], bool(row[5]))


def transfer_of(row: Row) -> Transfer:
    """A transfer, from its columns after the number."""
    return Transfer(row[0], _STEPS[row[1]], row[2], row[3], row[4], row[5], row[6], row[7] or b"")


def of_transfer(transfer: Transfer) -> Row:
    """A transfer's columns but its number."""
    return (
        transfer.id,
        int(transfer.step),
        transfer.debit,
        transfer.credit,
        transfer.amount,
        transfer.reason,
        transfer.created,
        transfer.pending or None,
    )


def blob_of(row: Row) -> BlobRow:
    """What is known of a blob."""
    name, size_bytes, kind, height, width, channels, pack, start = row
    shape = None if kind is None else RasterShape(_TYPES[kind], height, width, channels)
    return BlobRow(name, size_bytes, shape, pack or "", start or 0)


def of_blob(row: BlobRow) -> Row:
    """A blob's columns."""
    shape, place = row.shape, (row.pack, row.start) if row.pack else (None, None)
    if shape is None:
        return (row.name, row.size_bytes, None, None, None, None, *place)
    size = (shape.height, shape.width, shape.channels)
    return (row.name, row.size_bytes, shape.type.label, *size, *place)
