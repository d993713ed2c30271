"""What buyers may ask of the exchange: jobs, their results, their coins."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import structs

from cpushare.exchange.service import World, use_up
from cpushare.exchange.store import ESCROW, MINT, USER, BlobRow, Transaction, again
from cpushare.market.coins import MOST_MICRO, pay_of, show_coins
from cpushare.market.desk import Desk
from cpushare.market.errors import BadMessage, Forbidden, Missing, TooMuch
from cpushare.market.keys import read_key, show_key
from cpushare.market.ledger import Step, Transfer, transfer_id
from cpushare.market.messages import (
    JOB_TASKS,
    RESULTS_PAGE,
    Balance,
    Dispute,
    History,
    HistoryLine,
    JobOrder,
    JobStatus,
    Mint,
    Mints,
    Outcome,
    ResultsPage,
    SignedMint,
    TaskState,
    decode,
    encode,
)
from cpushare.market.mint import check_mint
from cpushare.market.rasters import RasterShape, blob_name
from cpushare.market.rules import job_hash
from cpushare.market.signing import Signed
from cpushare.market.states import Execution, Job, JobState, Purpose, Task, TaskStage
from cpushare.market.trust import reserve
from cpushare.market.work import Meter, Work, kernel_of
from vm.verifier import VerifiedModule

FEW = 1000
"""Tasks that are measured at once, without a thread."""
PAGE = 1000
MINTS_PAGE = 100
"""Jobs, or lines of a history, in one answer."""
OVERLAP_MS = 5_000
"""How long a transaction may be under way: later pages look back so far, and repeat themselves."""


class JobDesk:
    """Jobs, results and accounts: what buyers ask for."""

    def __init__(self, world: World) -> None:
        self.world = world

    # Jobs.

    async def submit(self, signed: Signed, document: bytes) -> JobStatus:
        """Begin a job, whose whole price is set aside; `document` holds a `JobOrder`.

        Sent again, it gives the job that there is. Raises `BadMessage`, `Missing` for what has not
        been uploaded, `TooMuch` beyond the budget or the account.
        """
        order = decode(document, JobOrder)
        name = job_hash(document, signed.key)
        found = await self._known(signed, name)
        if found is not None:
            return found
        if order.tasks > JOB_TASKS:
            raise TooMuch(f"a job has at most {JOB_TASKS} tasks, not {order.tasks}")
        inputs = {blob for row in order.inputs for blob in row.values()}
        async with self.world.store.begin() as transaction:
            verified = await self.world.program(transaction, order.program)
            shapes = _shapes(await transaction.blobs(inputs), inputs)
        owner = signed.key + order.trust.encode()
        if order.tasks <= FEW:
            work = _measure_all(verified, order, shapes, owner)
        else:
            work = await asyncio.to_thread(_measure_all, verified, order, shapes, owner)
        kept = await self.world.blobs.put(document)
        return await self._begin(signed.key, order, document, kept, work)

    @again
    async def _begin(
        self, key: bytes, order: JobOrder, document: bytes, kept: BlobRow, work: Sequence[Work]
    ) -> JobStatus:
        async with self.world.store.begin() as transaction:
            raced = await transaction.job(job_hash(document, key))
            if raced is not None:  # the same was sent twice at once
                return await self._status(transaction, raced)
            known = await transaction.outcomes({each.work for each in work})
            job = await self._fund(transaction, key, order, document, work, known)
            tasks, executions = self._make(job, work, known)
            await transaction.add_blobs([kept])
            job = await transaction.add_job(job, tasks, executions)
            return await self._status(transaction, job)

    @again
    async def _known(self, signed: Signed, name: str) -> JobStatus | None:
        async with self.world.store.begin() as transaction:
            await use_up(transaction, signed, self.world.now())
            job = await transaction.job(name)
            return None if job is None else await self._status(transaction, job)

    async def _fund(
        self,
        transaction: Transaction,
        key: bytes,
        order: JobOrder,
        document: bytes,
        work: Sequence[Work],
        known: Mapping[bytes, bytes],
    ) -> Job:
        """Set aside what the job may cost; what is known already costs nothing."""
        pays = [pay_of(each.units, order.price) for each in work if each.work not in known]
        total = reserve(order.trust, sum(pays), max(pays, default=0))
        if total > min(order.budget, MOST_MICRO):
            raise TooMuch(
                f"the job takes up to {show_coins(total)} coins, its budget is "
                f"{show_coins(order.budget)}"
            )
        name, now = job_hash(document, key), self.world.now()
        buyer = await transaction.account(USER, show_key(key))
        escrow = await transaction.account(ESCROW, name)
        if total:
            fund = Transfer(
                transfer_id(f"fund {name}"),
                Step.MOVE,
                buyer,
                escrow,
                total,
                f"set aside for job {name[:16]}",
                now,
            )
            await transaction.enter([fund])
        return Job(
            0,
            name,
            buyer,
            escrow,
            JobState.RUNNING,
            order.trust,
            order.price,
            order.tasks,
            total,
            total - sum(pays),
            now,
            order.deadline,
            order.program,
            order.kernel,
            order.checked,
            blob_name(document),
            order.title,
            order.is_public,
        )

    def _make(
        self, job: Job, work: Sequence[Work], known: Mapping[bytes, bytes]
    ) -> tuple[list[Task], list[Execution]]:
        """Its rows. Ids begin where nobody can foresee, and follow each other: a database has what
        is leased together on the same pages.
        """
        changed = int(self.world.now() * 1000)
        first = self.world.fresh()
        tasks, executions = [], []
        for index, each in enumerate(work):
            if each.work in known:
                outcome = known[each.work]
                final = TaskStage.FINAL
                tasks.append(Task(0, index, each.work, final, outcome, changed=changed))
                continue
            tasks.append(Task(0, index, each.work))
            executions.append(
                Execution(
                    first + index,
                    0,
                    index,
                    Purpose.FIRST,
                    job.price,
                    each.units,
                    each.memory_bytes,
                    pay_of(each.units, job.price),
                    since=self.world.now(),
                )
            )
        return tasks, executions

    async def _mine(self, transaction: Transaction, signed: Signed, name: str) -> Job:
        """A job of the signer. Raises `Missing` for another's too: nobody learns that it exists."""
        account = await self._account(transaction, signed)
        job = await transaction.job(name)
        if job is None or job.buyer != account:
            raise Missing(f"you have no job {name[:64]}")
        return job

    async def _locked(
        self, transaction: Transaction, signed: Signed, name: str
    ) -> tuple[Desk, Job]:
        """A job of the signer on a desk, where nobody else changes it. Raises `Missing`."""
        desk, job = Desk(), await self._mine(transaction, signed, name)
        return desk, await transaction.lay_job(desk, job.id)

    async def _account(self, transaction: Transaction, signed: Signed) -> int | None:
        """The number of the signer's account, if it has one; the signature is used up."""
        await use_up(transaction, signed, self.world.now())
        return await transaction.find_account(USER, show_key(signed.key))

    @again
    async def status(self, signed: Signed, name: str) -> JobStatus:
        """How far a job of the signer is."""
        async with self.world.store.begin() as transaction:
            return await self._status(transaction, await self._mine(transaction, signed, name))

    @again
    async def list(self, signed: Signed) -> list[JobStatus]:
        """The signer's last jobs, newest first."""
        async with self.world.store.begin() as transaction:
            account = await self._account(transaction, signed)
            if account is None:
                return []
            jobs = await transaction.jobs(account, False, PAGE)
            return [await self._status(transaction, job) for job in jobs]

    async def _status(self, transaction: Transaction, job: Job) -> JobStatus:
        progress = await transaction.progress(job)
        return JobStatus(
            job.hash,
            job.said_state,
            job.trust,
            job.tasks,
            progress.answered + progress.final,
            progress.final,
            progress.failed,
            job.reserved,
            progress.paid,
            job.reserved - progress.paid if job.is_over else 0,
            job.created,
            job.ended,
            job.title,
        )

    @again
    async def results(self, signed: Signed, name: str, after: int) -> ResultsPage:
        """Tasks that changed after a time in ms, as many as a page has."""
        settled = max(0, int(self.world.now() * 1000) - OVERLAP_MS)
        async with self.world.store.begin() as transaction:
            job = await self._mine(transaction, signed, name)
            tasks = await transaction.changes(job.id, after, RESULTS_PAGE)
        last = tasks[-1].changed if tasks else after
        return ResultsPage(job.hash, job.state.value, [*map(_shown, tasks)], last, settled)

    @again
    async def cancel(self, signed: Signed, name: str) -> JobStatus:
        """Begin nothing more of a job; what sellers have begun is waited for and paid."""
        async with self.world.store.begin() as transaction:
            desk, job = await self._locked(transaction, signed, name)
            self.world.rules(desk).stop(job, JobState.CANCELLED)
            await transaction.save(desk)
            return await self._status(transaction, desk.jobs[job.id])

    @again
    async def accept(self, signed: Signed, name: str) -> JobStatus:
        """The buyer has seen enough: a job whose tasks are all answered is paid now."""
        async with self.world.store.begin() as transaction:
            desk, job = await self._locked(transaction, signed, name)
            if not job.is_over and not (await transaction.open_count(job.id))[0]:
                desk.put(structs.replace(job, closes=self.world.now()))
            await transaction.save(desk)
            return await self._status(transaction, desk.jobs[job.id])

    @again
    async def dispute(self, signed: Signed, name: str, dispute: Dispute) -> JobStatus:
        """Have the exchange compute tasks itself, which is paid like a check unless they are wrong.

        Raises `Forbidden` for what has been paid, `TooMuch` if the job has no coins left for it.
        """
        async with self.world.store.begin() as transaction:
            desk, job = await self._locked(transaction, signed, name)
            if job.is_over:
                raise Forbidden("the job has ended, and its sellers have been paid")
            await transaction.lay_tasks(desk, [(job.id, index) for index in dispute.tasks])
            rules = self.world.rules(desk)
            for task in list(desk.tasks.values()):
                rules.dispute(task)
            await transaction.save(desk)
            return await self._status(transaction, job)

    # Accounts.

    @again
    async def balance(self, signed: Signed) -> Balance:
        """What the signer has."""
        async with self.world.store.begin() as transaction:
            account = await self._account(transaction, signed)
            if account is None:
                return Balance(show_key(signed.key), 0, 0)
            found = (await transaction.balances([account]))[account]
            return Balance(show_key(signed.key), found.available, found.credits_pending)

    @again
    async def history(self, signed: Signed, before: int) -> History:
        """The signer's transfers, newest first."""
        async with self.world.store.begin() as transaction:
            account = await self._account(transaction, signed)
            found = await transaction.history(account, before, PAGE) if account else []
        lines = [_line(account or 0, transfer) for _, transfer in found]
        return History(show_key(signed.key), lines, found[-1][0] if len(found) == PAGE else 0)

    @again
    async def mint(self, mint: Mint, signature: bytes, operator: bytes) -> None:
        """Make coins by the operator's word, which is kept; the same word again makes none."""
        check_mint(mint, signature, operator)
        read_key(mint.account)
        document = encode(SignedMint(mint, signature.hex()))
        kept = await self.world.blobs.put(document)
        async with self.world.store.begin() as transaction:
            source = await transaction.account(MINT, "")
            target = await transaction.account(USER, mint.account)
            purpose = f"mint {mint.account} {mint.amount} {mint.created} {mint.nonce}"
            new = Transfer(
                transfer_id(purpose),
                Step.MOVE,
                source,
                target,
                mint.amount,
                f"mint: {mint.reason} [{kept.name}]",
                mint.created,
            )
            await transaction.add_blobs([kept])
            await transaction.enter([new])

    async def mints(self, operator: bytes, before: int) -> Mints:
        """The documents by which coins came into being, newest first."""
        async with self.world.store.begin() as transaction:
            account = await transaction.find_account(MINT, "")
            found = await transaction.history(account, before, MINTS_PAGE) if account else []
            names = [transfer.reason[-65:-1] for _, transfer in found]
            known = await transaction.blobs(names)
        mints = [decode(data, SignedMint) for data in await self.world.read(names, known)]
        return Mints(show_key(operator), mints, found[-1][0] if len(found) == MINTS_PAGE else 0)


def _shapes(known: Mapping[str, BlobRow], wanted: set[str]) -> dict[str, RasterShape]:
    shapes = {name: row.shape for name, row in known.items() if row.shape is not None}
    missing = wanted - set(shapes)
    if missing:
        raise Missing(f"{len(missing)} inputs are no rasters that were uploaded: {min(missing)} …")
    return shapes


def _measure_all(
    verified: VerifiedModule, order: JobOrder, shapes: Mapping[str, RasterShape], owner: bytes
) -> list[Work]:
    """What each task takes. Outcomes are known to their `owner` alone, at one level of trust:
    others' might come from a buyer and a seller who are the same, and would tell what others do.
    """
    kernel = kernel_of(verified, order.kernel)
    if order.checked and not kernel.kernel.images:
        raise BadMessage("the kernel has no images")
    meter = Meter(verified, kernel, order.checked, owner)
    return [
        meter.measure(parameters, inputs, shapes)
        for parameters in order.parameters
        for inputs in order.inputs
    ]


def _shown(task: Task) -> TaskState:
    outcome = decode(task.outcome, Outcome) if task.outcome else None
    is_final = task.stage is TaskStage.FINAL
    return TaskState(task.index, task.changed, outcome, is_final, task.failure)


def _line(account: int, transfer: Transfer) -> HistoryLine:
    sign = 1 if transfer.credit == account else -1
    state = {Step.MOVE: "moved", Step.PENDING: "held", Step.POST: "paid", Step.VOID: "void"}
    reason, created = transfer.reason, transfer.created
    return HistoryLine(
        transfer.id.hex(), sign * transfer.amount, state[transfer.step], reason, created
    )
