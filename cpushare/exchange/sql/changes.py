"""What has changed on a desk, as rows to write; counts that others change too, by differences.

No row is changed twice: PostgreSQL is given all in one statement, which would change it once.
"""

from __future__ import annotations

from collections import defaultdict

from cpushare.exchange.sql import rows, schema
from cpushare.exchange.sql import statements as sql
from cpushare.exchange.sql.rows import Row
from cpushare.market.desk import Desk
from cpushare.market.states import Execution, Stage

COUNTS = len(schema.tallies.columns) - 1
_COUNT = {
    Stage.WAITING: 5,
    Stage.LEASED: 5,
    Stage.HELD: 6,
    Stage.PAID: 4,
    Stage.VOID: COUNTS,
    Stage.FAILED: COUNTS,
}
"""Where an execution counts among a job's tallies, behind those of its tasks; the last is none."""


def changes_of(desk: Desk) -> list[sql.Write]:
    """All but its transfers."""
    return [
        (sql.CHANGE_TASKS, _task_changes(desk)),
        *_execution_changes(desk),
        (sql.CHANGE_WORKERS, _worker_changes(desk)),
        (sql.CHANGE_JOBS, _job_changes(desk)),
        (sql.ADD_TO_TALLIES, _tally_changes(desk)),
    ]


def _task_changes(desk: Desk) -> list[Row]:
    return [
        (*key, *rows.of_task(desk.tasks[key])[sql.T_FIXED :]) for key in sorted(desk.tasks.changed)
    ]


def _execution_changes(desk: Desk) -> list[sql.Write]:
    new: list[Row] = []
    changed: list[Row] = []
    stages: list[Row] = []
    for number, before in sorted(desk.executions.changed.items()):
        after = desk.executions[number]
        if before is None:
            new.append(rows.of_execution(after))
        elif _only_stage_differs(before, after):
            stages.append((number, int(after.stage), after.deadline, after.outcome, after.since))
        else:
            changed.append((number, *rows.of_execution(after)[sql.E_FIXED :]))
    return [
        (sql.ADD_EXECUTIONS, new),
        (sql.CHANGE_EXECUTIONS, changed),
        (sql.CHANGE_STAGES, stages),
    ]


def _worker_changes(desk: Desk) -> list[Row]:
    changes: list[Row] = []
    for number, before in sorted(desk.workers.changed.items()):
        after = desk.workers[number]
        assert before is not None
        standing = after.standing.value if after.standing is not before.standing else None
        passed = after.checks_passed - before.checks_passed
        changes.append((number, after.results - before.results, passed, after.seen, standing))
    return changes


def _job_changes(desk: Desk) -> list[Row]:
    changes: list[Row] = []
    for number, before in sorted(desk.jobs.changed.items()):
        after = desk.jobs[number]
        assert before is not None
        left = after.checks_left - before.checks_left
        state = (after.state.value, after.ending.value, after.ended, after.closes)
        if state == (before.state.value, before.ending.value, before.ended, before.closes):
            changes.append((number, left, None, None, None, None))
        else:
            changes.append((number, left, *state))
    return changes


def _only_stage_differs(before: Execution, after: Execution) -> bool:
    """Whether an execution has changed in no more than `sql.CHANGE_STAGES` writes."""
    return (
        before.worker == after.worker
        and before.account == after.account
        and before.pay == after.pay
        and before.failures == after.failures
        and before.was_checked == after.was_checked
        and before.for_checker == after.for_checker
        and before.avoid_worker == after.avoid_worker
        and before.avoid_account == after.avoid_account
    )


def _tally_changes(desk: Desk) -> list[Row]:
    """By how much the tallies of jobs change: see `schema.tallies`."""
    sums: defaultdict[int, list[int]] = defaultdict(lambda: [0] * (COUNTS + 1))
    for key, task in desk.tasks.changed.items():
        if task is not None:
            tally = sums[key[0]]
            tally[task.stage] -= 1
            tally[desk.tasks[key].stage] += 1
    for number, before in desk.executions.changed.items():
        after = desk.executions[number]
        tally = sums[after.job]
        tally[_COUNT[after.stage]] += after.pay if after.stage is Stage.PAID else 1
        if before is not None:
            tally[_COUNT[before.stage]] -= before.pay if before.stage is Stage.PAID else 1
    return [(job, *tally[:-1]) for job, tally in sorted(sums.items()) if any(tally[:-1])]
