"""What must be true of the market's rows at any moment, and when its jobs have ended."""

from __future__ import annotations

from collections import Counter

from cpushare.exchange.memory import MemoryStore
from cpushare.market import ledger
from cpushare.market.ledger import Step, execution_transfer_id
from cpushare.market.states import JobState, Purpose, Stage, Standing, TaskStage


class Broken(Exception):
    """Something that must not be has happened."""


def _demand(holds: bool, text: str) -> None:
    if not holds:
        raise Broken(text)


def check_store(store: MemoryStore, since: int = 0) -> None:
    """Raises `Broken`. The whole books are computed anew if `since` is 0."""
    total = sum(each.credits - each.debits for each in store.balances.values())
    _demand(total == 0, f"the accounts have {total} together")
    for execution in store.executions.values():
        _check_execution(store, execution.id)
    for job in store.jobs.values():
        _demand(job.checks_left >= 0, f"job {job.id} has {job.checks_left} left for checks")
        left = store.balances[job.escrow].available
        _demand(left >= 0, f"job {job.id} has {left} in escrow")
    for key, task in store.tasks.items():
        _check_task(store, key, task.stage, task.outcome)
    if not since:
        found = ledger.audit(store.balances.values(), store.transfers.values())
        _demand(not found, "; ".join(found))


def _check_execution(store: MemoryStore, number: int) -> None:
    execution = store.executions[number]
    posted = execution_transfer_id(Step.POST, number) in store.transfers
    pending = execution_transfer_id(Step.PENDING, number) in store.transfers
    void = execution_transfer_id(Step.VOID, number) in store.transfers
    if execution.stage is Stage.PAID:
        _demand(posted == (execution.pay > 0), f"execution {number} is paid and has no transfer")
    else:
        _demand(not posted, f"execution {number} was paid and is {execution.stage.name}")
    if execution.stage is Stage.HELD:
        _demand(pending == (execution.pay > 0) and not void, f"nothing pending for {number}")
    _demand(not (posted and void), f"execution {number} is paid and void")
    if execution.stage in (Stage.HELD, Stage.LEASED):
        worker = store.workers[execution.worker]
        is_void = worker.standing is Standing.CAUGHT
        _demand(not is_void, f"execution {number} is with a liar, {execution.stage.name}")


def _check_task(store: MemoryStore, key: tuple[int, int], stage: TaskStage, outcome: bytes) -> None:
    mine = [store.executions[number] for number in store.of_task.get(key, ())]
    answered = [each for each in mine if each.is_answered]
    workers = Counter(each.worker for each in answered if each.purpose is not Purpose.JUDGE)
    _demand(not workers or max(workers.values()) == 1, f"a worker checks itself: {key}")
    first = [e for e in answered if e.purpose is Purpose.FIRST]
    checks = [e for e in answered if e.purpose is Purpose.CHECK]
    same = {e.account for e in first} & {e.account for e in checks}
    _demand(not same, f"an account checks itself: {key}")
    if stage in (TaskStage.ANSWERED, TaskStage.FINAL) and mine:
        alive = {each.outcome for each in answered}
        _demand(outcome in alive, f"task {key} has the outcome of nobody")
    if stage is TaskStage.OPEN:
        _demand(not answered, f"task {key} is open and answered")
        running = store.jobs[key[0]].state is JobState.RUNNING
        going = any(each.is_open for each in mine)
        _demand(going or not running, f"task {key} is open, and nobody does it")


def check_ended(store: MemoryStore) -> None:
    """When all jobs are over: nothing is left anywhere. Raises `Broken`."""
    for job in store.jobs.values():
        balance = store.balances[job.escrow]
        left = (balance.available, balance.debits_pending)
        _demand(left == (0, 0), f"job {job.id} has ended and holds {left}")
        stages = {store.tasks[job.id, index].stage for index in range(job.tasks)}
        if job.state is JobState.DONE:
            _demand(stages <= {TaskStage.FINAL, TaskStage.FAILED}, f"job {job.id}: {stages}")
    for balance in store.balances.values():
        _demand(balance.credits_pending == 0, f"account {balance.account} waits for pay")
    pays = Counter(
        transfer.pending for transfer in store.transfers.values() if transfer.step is Step.POST
    )
    _demand(not pays or max(pays.values()) == 1, "something was paid twice")
