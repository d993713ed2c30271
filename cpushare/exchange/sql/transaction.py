"""A `Transaction` on tables, over either database.

What several transactions may want to change at once is locked in one order: tasks, executions,
then, at the very end and by differences, workers, jobs, tallies and balances. So nobody waits in a
circle, but where a liar's holdings are laid out; then PostgreSQL ends one of the two, which is
begun again (`store.again`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from msgspec import structs

from cpushare.exchange.sql import rows
from cpushare.exchange.sql import statements as sql
from cpushare.exchange.sql.changes import changes_of
from cpushare.exchange.sql.link import Link
from cpushare.exchange.sql.rows import Row
from cpushare.exchange.store import ESCROW, MINT, BlobRow, Nonce, Overview, Progress
from cpushare.market import ledger
from cpushare.market.desk import Desk
from cpushare.market.errors import Conflict, Missing
from cpushare.market.ledger import Balance, Transfer
from cpushare.market.states import (
    Execution,
    Job,
    JobState,
    Purpose,
    Stage,
    Standing,
    Task,
    TaskKey,
    TaskStage,
    Worker,
)
from cpushare.market.wishes import Wish, deal

N = TypeVar("N", int, str, bytes)
S = TypeVar("S")
PART = 10_000
LAST = (1 << 63) - 1
NOBODY = -1
MOST_DEALT = 1_000
"""Waiting executions that are read, and locked, for several workers at once."""
_TALLIED = tuple(TaskStage)


def _one(keys: Iterable[N]) -> list[tuple[N]]:
    return [(key,) for key in sorted(set(keys))]


def _parts(rows_: Sequence[S]) -> Iterator[Sequence[S]]:
    """So many rows at once that a statement stays small beside them."""
    return (rows_[start : start + PART] for start in range(0, len(rows_), PART))


class SqlTransaction:
    """Reads and writes of one transaction."""

    def __init__(self, link: Link, may_forget: Callable[[float], bool]) -> None:
        """`may_forget` says whether nonces are to be swept out at a time."""
        self._link = link
        self._may_forget = may_forget

    async def use_nonces(self, nonces: Collection[Nonce], now: float) -> set[bytes]:
        """Keep them; now and then forget those whose time is over."""
        if self._may_forget(now):
            await self._link.fetch(sql.FORGET_NONCES, now)
        found = await self._link.find(sql.USE_NONCES, sorted(nonces))
        return {row[0] for row in found}

    # Accounts and the ledger.

    async def account(self, kind: str, name: str) -> int:
        """Look it up, or open it."""
        found = await self.find_account(kind, name)
        if found is not None:
            return found
        opened = await self._link.fetch(sql.OPEN_ACCOUNT, kind, name)
        if not opened:  # another did, just now
            return await self.account(kind, name)
        number = int(opened[0][0])
        await self._link.write([(sql.OPEN_BALANCE, [(number, 0, 0, 0, 0, kind == MINT)])])
        return number

    async def find_account(self, kind: str, name: str) -> int | None:
        """Look it up."""
        found = await self._link.fetch(sql.FIND_ACCOUNT, kind, name)
        return int(found[0][0]) if found else None

    async def balances(self, accounts: Collection[int]) -> dict[int, Balance]:
        """Look them up."""
        found = await self._link.find(sql.LOCKED_BALANCES, _one(accounts))
        return {row[0]: rows.balance_of(row) for row in found}

    async def enter(self, transfers: Sequence[Transfer]) -> None:
        """Post them on the balances there are now."""
        await self._link.write(await self._entries(transfers, {each.id for each in transfers}))

    async def _entries(self, transfers: Sequence[Transfer], ids: set[bytes]) -> list[sql.Write]:
        """What entering transfers writes; those with these `ids` may have been entered before.

        Balances are read without locks: they change by differences, and the table refuses what an
        account does not have.
        """
        if not transfers:
            return []
        pending = {each.pending for each in transfers if each.pending}
        accounts = {each.debit for each in transfers} | {each.credit for each in transfers}
        there, ended, balances = await self._link.find_all(
            (sql.TRANSFERS, _one(ids | pending)),
            (sql.ENDED, _one(pending)),
            (sql.BALANCES, _one(accounts)),
        )
        known = {row[0]: rows.transfer_of(row) for row in there}
        before = {row[0]: rows.balance_of(row) for row in balances}
        posted = ledger.post(before, transfers, known, {row[0] for row in ended})
        changes = [
            (
                number,
                after.debits - before[number].debits,
                after.credits - before[number].credits,
                after.debits_pending - before[number].debits_pending,
                after.credits_pending - before[number].credits_pending,
            )
            for number, after in sorted(posted.balances.items())
        ]
        return [
            (sql.ADD_TRANSFERS, [rows.of_transfer(each) for each in posted.transfers]),
            (sql.ADD_TO_BALANCES, changes),
        ]

    async def history(self, account: int, before: int, count: int) -> list[tuple[int, Transfer]]:
        """Merge what went out and what came in."""
        found = await self._link.fetch(sql.HISTORY, account, before or LAST, count)
        return [(row[0], rows.transfer_of(row[1:])) for row in found]

    # Workers, leases.

    async def workers(self, keys: Collection[bytes]) -> dict[bytes, Worker]:
        """Look them up."""
        found = map(rows.worker_of, await self._link.find(sql.WORKERS, _one(keys)))
        return {each.key: each for each in found}

    async def add_worker(self, worker: Worker) -> Worker:
        """Add it, or change what an order says."""
        order = (worker.min_price, worker.memory_bytes)
        standing = worker.standing.value
        if worker.id:
            await self._link.fetch(sql.RENEW_WORKER, worker.id, *order, worker.seen, standing)
            return worker
        counts = (worker.results, worker.checks_passed, worker.seen)
        found = await self._link.fetch(
            sql.ADD_WORKER, worker.key, worker.account, standing, *order, *counts
        )
        return structs.replace(worker, id=int(found[0][0]))

    async def _lay_jobs(self, desk: Desk, jobs: Iterable[int]) -> None:
        missing = {job for job in jobs if job not in desk.jobs}
        if missing:
            desk.lay(*map(rows.job_of, await self._link.find(sql.JOBS, _one(missing))))

    async def _lay(self, desk: Desk, found: Sequence[Row]) -> None:
        """Tasks, which are locked, and what belongs to them."""
        if not found:
            return
        tasks = [rows.task_of(row) for row in found]
        desk.lay(*tasks)
        missing = {task.job for task in tasks if task.job not in desk.jobs}
        jobs, executions = await self._link.find_all(
            (sql.JOBS, _one(missing)), (sql.EXECUTIONS, sorted({task.key for task in tasks}))
        )
        desk.lay(*map(rows.job_of, jobs))
        workers: dict[int, Row] = {}
        for row in executions:
            desk.lay(rows.execution_of(row))
            if row[sql.E_WIDTH] is not None:
                workers[row[sql.E_WIDTH]] = row[sql.E_WIDTH :]
        desk.lay(*map(rows.worker_of, workers.values()))

    async def lay_leases(self, desk: Desk, leases: Collection[int]) -> None:
        """Lock their tasks first: another's new execution of them is seen then."""
        numbers = {number for number in leases if 0 <= number <= LAST}
        await self._lay(desk, await self._link.find(sql.TASKS_OF_LEASES, _one(numbers)))

    async def lay_tasks(self, desk: Desk, tasks: Collection[TaskKey]) -> None:
        """Lock them."""
        keys = {key for key in tasks if 0 <= key[1] <= LAST}
        await self._lay(desk, await self._link.find(sql.TASKS, sorted(keys)))

    async def lay_of_worker(self, desk: Desk, worker: int) -> None:
        """Look them up."""
        found = await self._link.fetch(sql.OF_WORKER, worker)
        await self.lay_tasks(desk, {(row[0], row[1]) for row in found})

    async def lay_leased(self, desk: Desk, workers: Collection[int]) -> list[Execution]:
        """Look up which; rows are read only if any of them does not lie there yet."""
        found = await self._link.find(sql.LEASED_IDS, _one(workers))
        numbers = sorted(row[0] for row in found)
        if not all(number in desk.executions for number in numbers):
            leased = await self._link.find(sql.LEASED, _one(workers))
            await self._lay_alone(desk, map(rows.execution_of, leased))
            numbers = sorted(row[0] for row in leased)
        return [desk.executions[number] for number in numbers]

    async def _lay_alone(self, desk: Desk, executions: Iterable[Execution]) -> None:
        """Executions and their jobs, without their tasks."""
        found = list(executions)
        desk.lay(*found)
        await self._lay_jobs(desk, {each.job for each in found})

    async def lay_waiting(
        self, desk: Desk, wishes: Sequence[Wish], checks_before: float
    ) -> list[list[Execution]]:
        """The best of an index, passing over what is locked: for all sellers at once, and again for
        those whom that did not suit.
        """
        dealt = await self._deal_to_many(wishes, checks_before)
        taken = {each.id for some in dealt.values() for each in some}
        for wish in wishes:
            if wish.worker.id not in dealt:
                waiting = await self._waiting(wish, len(taken), checks_before)
                left = [each for each in waiting if each.id not in taken]
                (dealt[wish.worker.id],) = deal(left, [wish], checks_before)
                taken |= {each.id for each in dealt[wish.worker.id]}
        await self._lay_alone(desk, (each for some in dealt.values() for each in some))
        return [dealt[wish.worker.id] for wish in wishes]

    async def _deal_to_many(
        self, wishes: Sequence[Wish], checks_before: float
    ) -> dict[int, list[Execution]]:
        """What several sellers get, by their numbers. Who got nothing, although more may wait than
        was read, is left out.
        """
        sellers = [each for each in wishes if each.worker.standing is not Standing.CHECKER]
        if len(sellers) < 2:
            return {}
        price = min(each.worker.min_price for each in sellers)
        memory = max(each.worker.memory_bytes for each in sellers)
        count = min(sum(each.count for each in sellers), MOST_DEALT)
        found = await self._link.fetch(sql.WAITING, price, memory, NOBODY, NOBODY, count)
        lists = deal(map(rows.execution_of, found), sellers, checks_before)
        return {
            wish.worker.id: some
            for wish, some in zip(sellers, lists, strict=True)
            if some or len(found) < count
        }

    async def _waiting(self, wish: Wish, more: int, checks_before: float) -> list[Execution]:
        """What waits for one worker, and some more."""
        worker, count = wish.worker, wish.count + more
        if worker.standing is Standing.CHECKER:
            found = [
                *await self._link.fetch(sql.FOR_CHECKER, worker.id, count),
                *await self._link.fetch(sql.LATE_CHECKS, worker.id, count, checks_before),
            ]
            found.sort(key=lambda row: (-row[4], row[1], row[3], row[2]))
        else:
            suits = (worker.min_price, worker.memory_bytes, worker.id, worker.account)
            found = [*await self._link.fetch(sql.WAITING, *suits, count)]
        return [rows.execution_of(row) for row in found]

    async def newest_waiting(self) -> float:
        """The end of an index."""
        newest: float = (await self._link.fetch(sql.NEWEST_WAITING))[0][0]
        return newest

    async def save(self, desk: Desk) -> None:
        """Write rows as they are, and counts that others may change by what they change by.

        The desk's transfers are of rows that are locked, so nobody has entered them; if one was in
        the books all the same, the table would refuse it.
        """
        entries = await self._entries(desk.transfers, set())
        await self._link.write([*changes_of(desk), *entries])

    # Jobs.

    async def add_job(
        self, job: Job, tasks: Sequence[Task], executions: Sequence[Execution]
    ) -> Job:
        """Number it, and all of it."""
        found = await self._link.fetch(sql.ADD_JOB, *rows.of_job(job))
        if not found:
            raise Conflict(f"job {job.hash[:16]} is there already")
        number = int(found[0][0])
        stages = Counter(task.stage for task in tasks)
        tally = (number, *(stages[stage] for stage in _TALLIED), 0, len(executions), 0)
        await self._link.write([(sql.ADD_TALLY, [tally])])
        for some in _parts(tasks):
            lines = [rows.of_task(task) for task in some]
            await self._link.write([(sql.ADD_TASKS, [(number, *row[1:]) for row in lines])])
        for few in _parts(executions):
            goes = [rows.of_execution(each) for each in few]
            await self._link.write(
                [(sql.ADD_EXECUTIONS, [(row[0], number, *row[2:]) for row in goes])]
            )
        return structs.replace(job, id=number)

    async def job(self, hash: str) -> Job | None:
        """Look it up."""
        found = await self._link.fetch(sql.JOB, hash)
        return rows.job_of(found[0]) if found else None

    async def jobs(self, buyer: int | None, public: bool, count: int) -> list[Job]:
        """Look them up."""
        if buyer is None:
            found = await self._link.fetch(sql.PUBLIC_JOBS if public else sql.ALL_JOBS, count)
        else:
            query = sql.PUBLIC_JOBS_OF if public else sql.JOBS_OF
            found = await self._link.fetch(query, count, buyer)
        return [rows.job_of(row) for row in found]

    async def progress(self, job: Job) -> Progress:
        """It is kept."""
        return Progress(*(await self._tally(job.id))[1:6])

    async def _tally(self, job: int) -> Row:
        found = await self._link.fetch(sql.TALLY, job)
        if not found:
            raise Missing(f"there is no job number {job}")
        return found[0]

    async def changes(self, job: int, after: int, count: int) -> list[Task]:
        """As many as asked for, and those of the last one's time."""
        found = [*await self._link.fetch(sql.CHANGES, job, min(after, LAST), count)]
        if found and len(found) == count:
            last = found[-1]
            found += await self._link.fetch(sql.CHANGES_AT, job, last[6], last[1])
        return [rows.task_of(row) for row in found]

    async def task_page(self, job: int, first: int, count: int) -> list[Task]:
        """In the order of the key."""
        return [
            rows.task_of(row) for row in await self._link.fetch(sql.TASK_PAGE, job, first, count)
        ]

    async def overview(self, active_since: float) -> Overview:
        """Some counts over indexes, and one over all balances."""
        fetch = self._link.fetch
        jobs = {
            (JobState(state), bool(public)): int(count)
            for state, public, count in await fetch(sql.JOB_COUNTS)
        }
        workers = {
            Standing(row[0]): row[1:] for row in await fetch(sql.WORKER_COUNTS, active_since)
        }
        busy, held = (await fetch(sql.LIVE_COUNTS))[0]
        leased = (await fetch(sql.LEASED_COUNT))[0][0]
        for_checker, since = (await fetch(sql.CHECKER_COUNT))[0]
        sums = {kind: int(total) for kind, total in await fetch(sql.SUMS)}
        checker = workers.get(Standing.CHECKER, (0, 0, 0.0))
        return Overview(
            jobs,
            {standing: int(row[0]) for standing, row in workers.items()},
            sum(int(row[1]) for each, row in workers.items() if each is not Standing.CHECKER),
            checker[2],
            leased,
            for_checker,
            since,
            -sums.get(MINT, 0),
            sums.get(ESCROW, 0),
            int(busy) - leased,
            int(held),
            sum(sums.values()),
        )

    async def outcomes(self, work: Collection[bytes]) -> dict[bytes, bytes]:
        """Look them up."""
        return {row[0]: row[1] for row in await self._link.find(sql.OUTCOMES, _one(work))}

    # What time brings.

    async def is_sweeper(self) -> bool:
        """Ask for a lock that nobody waits for."""
        return bool((await self._link.fetch(sql.IS_SWEEPER))[0][0])

    async def _lay_those(
        self, desk: Desk, found: Sequence[Row], wanted: Callable[[Execution], bool]
    ) -> list[Execution]:
        """Lay them out, and give those that are as wanted still, now that they are locked."""
        numbers = [row[0] for row in found]
        await self.lay_leases(desk, numbers)
        return [desk.executions[n] for n in numbers if wanted(desk.executions[n])]

    async def lay_expired(self, desk: Desk, now: float, count: int) -> list[Execution]:
        """The longest over first."""
        found = await self._link.fetch(sql.EXPIRED, now, count)
        return await self._lay_those(
            desk, found, lambda each: each.stage is Stage.LEASED and each.deadline <= now
        )

    async def lay_waiting_of(self, desk: Desk, job: int, count: int) -> list[Execution]:
        """In the order of the tasks."""
        found = await self._link.fetch(sql.UNBEGUN, job, count)
        return await self._lay_those(
            desk, found, lambda e: e.stage is Stage.WAITING and e.purpose is Purpose.FIRST
        )

    async def lay_held_of(self, desk: Desk, job: int, before: float, count: int) -> list[Execution]:
        """The longest held first."""
        found = await self._link.fetch(sql.HELD, job, before, count)

        def may_be_paid(each: Execution) -> bool:
            is_open = any(other.is_open for other in desk.of_task(each.task))
            return each.stage is Stage.HELD and not is_open

        return await self._lay_those(desk, found, may_be_paid)

    async def live_jobs(self) -> list[Job]:
        """Look them up."""
        return [rows.job_of(row) for row in await self._link.fetch(sql.LIVE_JOBS)]

    async def lay_job(self, desk: Desk, job: int) -> Job:
        """Lock it."""
        found = await self._link.fetch(sql.LOCKED_JOB, job)
        if not found:
            raise Missing(f"there is no job number {job}")
        kept = rows.job_of(found[0])
        desk.lay(kept)
        return kept

    async def open_count(self, job: int) -> tuple[int, int]:
        """It is kept."""
        busy, held = (await self._tally(job))[6:8]
        return busy, held

    # Blobs.

    async def add_blobs(self, blobs: Iterable[BlobRow]) -> None:
        """Write."""
        await self._link.write(
            [(sql.ADD_BLOBS, [rows.of_blob(row) for row in sorted(blobs, key=lambda b: b.name)])]
        )

    async def blobs(self, names: Collection[str]) -> dict[str, BlobRow]:
        """Look them up."""
        found = await self._link.find(sql.BLOBS, _one(names))
        return {row[0]: rows.blob_of(row) for row in found}
