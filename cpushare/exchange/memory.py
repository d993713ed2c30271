"""A store of dictionaries, for simulations and tests: what `store.py` promises, written plainly.

A transaction that does not end well is undone. There is one transaction at a time, and none of
its methods waits for anything else, so that whoever drives it decides what happens in which order.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from msgspec import structs

from cpushare.exchange.store import ESCROW, MINT, BlobRow, Nonce, Overview, Progress
from cpushare.market import ledger
from cpushare.market.desk import Desk, task_keys
from cpushare.market.errors import Conflict, Missing
from cpushare.market.ledger import Balance, Transfer
from cpushare.market.states import (
    Execution,
    Job,
    Purpose,
    Stage,
    Standing,
    Task,
    TaskKey,
    TaskStage,
    Worker,
)
from cpushare.market.wishes import Wish, deal

K = TypeVar("K")
R = TypeVar("R")


class MemoryStore:
    """A `Store` that lives as long as the process."""

    def __init__(self) -> None:
        self.nonces: dict[tuple[bytes, bytes], float] = {}
        self.accounts: dict[tuple[str, str], int] = {}
        self.balances: dict[int, Balance] = {}
        self.transfers: dict[bytes, Transfer] = {}
        self.ended: dict[bytes, bytes] = {}
        self.workers: dict[int, Worker] = {}
        self.jobs: dict[int, Job] = {}
        self.tasks: dict[TaskKey, Task] = {}
        self.executions: dict[int, Execution] = {}
        self.of_task: dict[TaskKey, frozenset[int]] = {}
        self.blobs: dict[str, BlobRow] = {}
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryTransaction]:
        """A transaction."""
        async with self._turn:
            transaction = MemoryTransaction(self)
            try:
                yield transaction
            except BaseException:
                transaction.undo()
                raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[MemoryBooks]:
        """What there is."""
        yield MemoryBooks(self)

    async def close(self) -> None:
        """Nothing is held."""


class MemoryBooks:
    """`Books` in dictionaries."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def every_transfer(self) -> AsyncIterator[Transfer]:
        """Look through them."""
        for transfer in self._store.transfers.values():
            yield transfer

    async def every_balance(self) -> AsyncIterator[Balance]:
        """Look through them."""
        for balance in self._store.balances.values():
            yield balance

    async def every_paid(self) -> AsyncIterator[Execution]:
        """Look through them."""
        for execution in self._store.executions.values():
            if execution.stage is Stage.PAID:
                yield execution

    async def every_job(self) -> AsyncIterator[Job]:
        """Look through them."""
        for job in self._store.jobs.values():
            yield job

    async def transfers(self, ids: Collection[bytes]) -> dict[bytes, Transfer]:
        """Look them up."""
        known = self._store.transfers
        return {each: known[each] for each in ids if each in known}


class MemoryTransaction:
    """A `Transaction` on dictionaries."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._undo: list[Callable[[], object]] = []

    def undo(self) -> None:
        """Take back all that was written, the last first."""
        for back in reversed(self._undo):
            back()

    def _put(self, table: dict[K, R], rows: Mapping[K, R]) -> None:
        for key, row in rows.items():
            if key in table:
                self._undo.append(partial(table.__setitem__, key, table[key]))
            else:
                self._undo.append(partial(table.pop, key))
            table[key] = row

    async def use_nonces(self, nonces: Collection[Nonce], now: float) -> set[bytes]:
        """Remember them, and forget those whose time is over."""
        kept = self._store.nonces
        for old in [each for each, end in kept.items() if end < now]:
            del kept[old]
        fresh = {(key, nonce): until for key, nonce, until in nonces if (key, nonce) not in kept}
        self._put(kept, fresh)
        return {key for key, _ in fresh}

    # Accounts and the ledger.

    async def account(self, kind: str, name: str) -> int:
        """Look it up, or number it."""
        found = await self.find_account(kind, name)
        if found is not None:
            return found
        number = len(self._store.accounts) + 1
        self._put(self._store.accounts, {(kind, name): number})
        self._put(self._store.balances, {number: Balance(number, may_owe=kind == MINT)})
        return number

    async def find_account(self, kind: str, name: str) -> int | None:
        """Look it up."""
        return self._store.accounts.get((kind, name))

    async def balances(self, accounts: Collection[int]) -> dict[int, Balance]:
        """Look them up."""
        return {number: self._store.balances[number] for number in accounts}

    async def enter(self, transfers: Sequence[Transfer]) -> None:
        """Post on the whole books."""
        store = self._store
        posted = ledger.post(store.balances, transfers, store.transfers, store.ended)
        self._put(store.balances, posted.balances)
        self._put(store.transfers, {each.id: each for each in posted.transfers})
        self._put(store.ended, {t.pending: t.id for t in posted.transfers if t.pending})

    async def history(self, account: int, before: int, count: int) -> list[tuple[int, Transfer]]:
        """Number them in the order of entry."""
        mine = [
            (number, transfer)
            for number, transfer in enumerate(self._store.transfers.values(), 1)
            if account in (transfer.debit, transfer.credit) and (not before or number < before)
        ]
        return mine[::-1][:count]

    # Workers, leases.

    async def workers(self, keys: Collection[bytes]) -> dict[bytes, Worker]:
        """Search for them."""
        return {each.key: each for each in self._store.workers.values() if each.key in keys}

    async def add_worker(self, worker: Worker) -> Worker:
        """Give it the next number."""
        kept = structs.replace(worker, id=worker.id or len(self._store.workers) + 1)
        self._put(self._store.workers, {kept.id: kept})
        return kept

    def _lay(self, desk: Desk, executions: Iterable[Execution]) -> None:
        self._lay_tasks(desk, task_keys(executions))

    def _lay_tasks(self, desk: Desk, keys: Iterable[TaskKey]) -> None:
        store = self._store
        for key in keys:
            if key in store.tasks:
                desk.lay(store.tasks[key], store.jobs[key[0]])
            for number in sorted(store.of_task.get(key, ())):
                execution = store.executions[number]
                desk.lay(execution)
                if execution.worker:
                    desk.lay(store.workers[execution.worker])

    async def lay_leases(self, desk: Desk, leases: Collection[int]) -> None:
        """Those there are."""
        known = self._store.executions
        self._lay(desk, [known[number] for number in leases if number in known])

    async def lay_tasks(self, desk: Desk, tasks: Collection[TaskKey]) -> None:
        """Those there are."""
        self._lay_tasks(desk, tasks)

    async def lay_of_worker(self, desk: Desk, worker: int) -> None:
        """Search for them."""
        mine = (Stage.LEASED, Stage.HELD)
        every = self._store.executions.values()
        self._lay(desk, [each for each in every if each.worker == worker and each.stage in mine])

    async def lay_leased(self, desk: Desk, workers: Collection[int]) -> list[Execution]:
        """Search for them."""
        every = self._store.executions.values()
        mine = [each for each in every if each.worker in workers and each.stage is Stage.LEASED]
        found = sorted(mine, key=lambda each: each.id)
        desk.lay(*found, *(self._store.jobs[each.job] for each in found))
        return found

    async def lay_waiting(
        self, desk: Desk, wishes: Sequence[Wish], checks_before: float
    ) -> list[list[Execution]]:
        """Search for them, and sort."""
        every = self._store.executions.values()
        waiting = [each for each in every if each.stage is Stage.WAITING]
        waiting.sort(key=lambda each: (-each.price, each.job, each.purpose, each.index))
        dealt = deal(waiting, wishes, checks_before)
        for found in dealt:
            desk.lay(*found, *(self._store.jobs[each.job] for each in found))
        return dealt

    async def newest_waiting(self) -> float:
        """Search for it."""
        every = self._store.executions.values()
        return max((each.since for each in every if each.stage is Stage.WAITING), default=0.0)

    async def save(self, desk: Desk) -> None:
        """Write."""
        store = self._store
        if desk.transfers:
            await self.enter(desk.transfers)
        self._put(store.jobs, {key: desk.jobs[key] for key in desk.jobs.changed})
        self._put(store.tasks, {key: desk.tasks[key] for key in desk.tasks.changed})
        self._put(store.executions, {n: desk.executions[n] for n in desk.executions.changed})
        self._put(store.workers, {key: desk.workers[key] for key in desk.workers.changed})
        for number in sorted(desk.new):
            self._index(desk.executions[number])

    def _index(self, execution: Execution) -> None:
        of_task = self._store.of_task
        mine = of_task.get(execution.task, frozenset())
        self._put(of_task, {execution.task: mine | {execution.id}})

    # Jobs.

    async def add_job(
        self, job: Job, tasks: Sequence[Task], executions: Sequence[Execution]
    ) -> Job:
        """Number it, and all of it."""
        store = self._store
        if await self.job(job.hash) is not None:
            raise Conflict(f"job {job.hash[:16]} is there already")
        kept = structs.replace(job, id=len(store.jobs) + 1)
        rows = [structs.replace(task, job=kept.id) for task in tasks]
        goes = [structs.replace(each, job=kept.id) for each in executions]
        self._put(store.jobs, {kept.id: kept})
        self._put(store.tasks, {row.key: row for row in rows})
        self._put(store.executions, {each.id: each for each in goes})
        for each in goes:
            self._index(each)
        return kept

    async def job(self, hash: str) -> Job | None:
        """Search for it."""
        return next((each for each in self._store.jobs.values() if each.hash == hash), None)

    async def jobs(self, buyer: int | None, public: bool, count: int) -> list[Job]:
        """Search for them."""
        found = [
            each
            for each in self._store.jobs.values()
            if (buyer is None or each.buyer == buyer) and (not public or each.is_public)
        ]
        return found[::-1][:count]

    async def progress(self, job: Job) -> Progress:
        """Count."""
        stages = [self._store.tasks[job.id, index].stage for index in range(job.tasks)]
        open_, answered, final, failed = (stages.count(stage) for stage in TaskStage)
        paid = sum(
            each.pay
            for each in self._store.executions.values()
            if each.job == job.id and each.stage is Stage.PAID
        )
        return Progress(open_, answered, final, failed, paid)

    async def task_page(self, job: int, first: int, count: int) -> list[Task]:
        """Look them up."""
        keys = [(job, index) for index in range(first, first + count)]
        return [self._store.tasks[key] for key in keys if key in self._store.tasks]

    async def overview(self, active_since: float) -> Overview:
        """Count."""
        store = self._store
        workers = store.workers.values()
        checkers = [each for each in workers if each.standing is Standing.CHECKER]
        sellers = [each for each in workers if each.standing is not Standing.CHECKER]
        goes = store.executions.values()
        judged = [each.since for each in goes if each.for_checker and each.stage is Stage.WAITING]
        available: Counter[str] = Counter()
        for (kind, _), number in store.accounts.items():
            available[kind] += store.balances[number].credits - store.balances[number].debits
        return Overview(
            dict(Counter((each.state, each.is_public) for each in store.jobs.values())),
            dict(Counter(each.standing for each in workers)),
            sum(each.seen > active_since for each in sellers),
            max((each.seen for each in checkers), default=0.0),
            sum(each.stage is Stage.LEASED for each in goes),
            len(judged),
            min(judged, default=0.0),
            -available[MINT],
            available[ESCROW],
            sum(each.stage is Stage.WAITING for each in goes),
            sum(each.stage is Stage.HELD for each in goes),
            sum(available.values()),
        )

    async def changes(self, job: int, after: int, count: int) -> list[Task]:
        """Search for them."""
        changed = [t for t in self._store.tasks.values() if t.job == job and t.changed > after]
        changed.sort(key=lambda task: (task.changed, task.index))
        last = changed[:count][-1].changed if changed else 0
        return [task for task in changed if task.changed <= last]

    async def outcomes(self, work: Collection[bytes]) -> dict[bytes, bytes]:
        """Search for them."""
        final = [t for t in self._store.tasks.values() if t.stage is TaskStage.FINAL]
        return {task.work: task.outcome for task in final if task.work in work}

    # What time brings.

    async def is_sweeper(self) -> bool:
        """There is one transaction at a time."""
        return True

    async def lay_expired(self, desk: Desk, now: float, count: int) -> list[Execution]:
        """Search for them."""
        every = self._store.executions.values()
        late = [e for e in every if e.stage is Stage.LEASED and e.deadline <= now][:count]
        self._lay(desk, late)
        return late

    async def lay_waiting_of(self, desk: Desk, job: int, count: int) -> list[Execution]:
        """Search for them."""
        found = [
            each
            for each in self._store.executions.values()
            if each.job == job and each.stage is Stage.WAITING and each.purpose is Purpose.FIRST
        ][:count]
        self._lay(desk, found)
        return found

    async def lay_held_of(self, desk: Desk, job: int, before: float, count: int) -> list[Execution]:
        """Search for them."""
        store = self._store
        found = [
            each
            for each in store.executions.values()
            if each.job == job
            and each.stage is Stage.HELD
            and each.since <= before
            and not any(store.executions[n].is_open for n in store.of_task[each.task])
        ][:count]
        self._lay(desk, found)
        return found

    async def live_jobs(self) -> list[Job]:
        """Search for them."""
        return [job for job in self._store.jobs.values() if not job.is_over]

    async def lay_job(self, desk: Desk, job: int) -> Job:
        """Look it up."""
        if job not in self._store.jobs:
            raise Missing(f"there is no job number {job}")
        desk.lay(self._store.jobs[job])
        return self._store.jobs[job]

    async def open_count(self, job: int) -> tuple[int, int]:
        """Count."""
        stages = [each.stage for each in self._store.executions.values() if each.job == job]
        waiting, leased = stages.count(Stage.WAITING), stages.count(Stage.LEASED)
        return waiting + leased, stages.count(Stage.HELD)

    # Blobs.

    async def add_blobs(self, rows: Iterable[BlobRow]) -> None:
        """Write."""
        self._put(self._store.blobs, {row.name: row for row in rows})

    async def blobs(self, names: Collection[str]) -> dict[str, BlobRow]:
        """Look them up."""
        known = self._store.blobs
        return {name: known[name] for name in names if name in known}
