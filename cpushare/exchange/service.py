"""What workers may ask of the exchange. Each method is one transaction, or none of it happens.

Whoever calls has checked the request's signature (cpushare/market/signing.py); here its nonce is
used up, in the same transaction, so that a request that is sent twice is served once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import structs

from cpushare.exchange.store import USER, Store, Transaction, again
from cpushare.market.desk import Desk
from cpushare.market.errors import BadMessage, BadSignature, Forbidden, Missing
from cpushare.market.keys import show_key
from cpushare.market.messages import (
    Enrolled,
    Enrolment,
    HandBack,
    JobOffer,
    JobOrder,
    Lease,
    Receipt,
    TaskResult,
    WorkAnswer,
    WorkRequest,
    decode,
)
from cpushare.market.order import read_order
from cpushare.market.programs import Programs
from cpushare.market.rules import SLOWEST_UNITS_S, Rules
from cpushare.market.signing import CLOCK_S, Signed
from cpushare.market.states import Execution, Job, JobState, Purpose, Stage, Standing, Worker
from cpushare.market.trust import TrustPolicy
from cpushare.market.work import check_outcome, kernel_of
from vm.verifier import VerifiedModule

MOST_SPARE_S = 120.0
"""Work that a batch of leases gives before its last, for the slowest worker: a worker that falls
silent holds up nothing for much longer."""
KEPT_PROGRAMS, KEPT_ORDERS = 64, 64
"""What is kept in memory of what was read last."""
IDLE_S = 5.0
"""When a worker that got nothing asks again."""


class Blobs(Protocol):
    """Bytes by their sha256 (cpushare/exchange/blobs.py)."""

    async def get(self, name: str) -> bytes | None:
        """The bytes of this name, if they are there."""

    async def get_all(self, names: Sequence[str]) -> Mapping[str, bytes]:
        """Those of some blobs that are there."""

    async def put(self, data: bytes) -> str:
        """Keep bytes; gives their name."""

    async def check(self) -> None:
        """Raises whatever keeps blobs from being read or written."""

    async def put_all(self, blobs: Sequence[bytes]) -> list[str]:
        """Keep some blobs; gives their names."""


class World:
    """What the exchange has of the world outside, and its policy: a simulation passes its own.

    `now` gives seconds since 1970, `draw` uniform numbers in [0, 1) that nobody can foresee,
    `fresh` random whole numbers of 62 bits. `checker` is the key of the exchange's own worker.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        now: Callable[[], float],
        draw: Callable[[], float],
        fresh: Callable[[], int],
        policy: TrustPolicy,
        key: bytes,
        checker: bytes,
    ) -> None:
        self.store = store
        self.blobs = blobs
        self.now = now
        self.draw = draw
        self.fresh = fresh
        self.policy = policy
        self.key = key
        self.checker = checker
        self._programs = Programs(KEPT_PROGRAMS)
        self._orders: dict[str, JobOrder] = {}

    def rules(self, desk: Desk) -> Rules:
        """The rules at this moment."""
        return Rules(desk, self.policy, self.now(), self.draw, self.fresh)

    async def blob(self, name: str) -> bytes:
        """A blob's bytes. Raises `Missing`."""
        data = await self.blobs.get(name)
        if data is None:
            raise Missing(f"there is no blob {name}")
        return data

    async def program(self, name: str) -> VerifiedModule:
        """A verified program. Raises `Missing`, `BadMessage`."""
        return self._programs.find(name) or self._programs.add(await self.blob(name))

    async def order(self, document: str) -> JobOrder:
        """What a job's buyer asked for, by the blob that holds it."""
        if document not in self._orders:
            if len(self._orders) >= KEPT_ORDERS:
                self._orders.pop(next(iter(self._orders)))
            self._orders[document] = decode(await self.blob(document), JobOrder)
        return self._orders[document]


async def use_up(transaction: Transaction, signed: Signed, now: float) -> None:
    """Take a signature's nonce. Raises `BadSignature` if it was used before."""
    until = signed.created + 2 * CLOCK_S
    if not await transaction.use_nonce(signed.key, signed.nonce, until, now):
        raise BadSignature("this request was sent before")


class WorkDesk:
    """Enrolment, results and leases: what workers ask for."""

    def __init__(self, world: World) -> None:
        self.world = world

    @again
    async def enrol(self, signed: Signed, enrolment: Enrolment) -> Enrolled:
        """Make the signer a worker of a sell order. Raises `BadMessage`, `BadSignature`."""
        order = read_order(enrolment.order)
        if order.exchange_key != show_key(self.world.key):
            raise Forbidden("this sell order is for another exchange")
        now = self.world.now()
        is_checker = signed.key == self.world.checker
        async with self.world.store.begin() as transaction:
            await use_up(transaction, signed, now)
            account = await transaction.account(USER, order.credit)
            known = await transaction.worker(signed.key)
            worker = known or Worker(0, signed.key, account, Standing.NEW, 0, 0)
            if known is not None and known.account != account:
                raise Forbidden("this worker key earns for another account: make a new one")
            worker = structs.replace(
                worker,
                standing=Standing.CHECKER if is_checker else worker.standing,
                min_price=order.min_price,
                memory_bytes=min(order.memory_bytes, enrolment.memory_bytes),
                seen=now,
            )
            worker = await transaction.add_worker(worker)
        return Enrolled(order.credit, worker.standing, worker.results, worker.checks_passed)

    @again
    async def work(self, signed: Signed, request: WorkRequest) -> WorkAnswer:
        """Take results, give leases. Raises `Missing` for a key that is not enrolled."""
        check_lengths(request)
        async with self.world.store.begin() as transaction:
            await use_up(transaction, signed, self.world.now())
            worker = await self._worker(transaction, signed.key)
            desk = Desk()
            desk.lay(worker)
            rules = self.world.rules(desk)
            receipts = await self._take(transaction, rules, worker, request)
            leased = await transaction.lay_leased(desk, worker.id)
            mine = [e for e in leased if desk.executions[e.id].stage is Stage.LEASED]
            given = await self._grant(transaction, rules, worker, request, mine)
            withdrawn = set(request.holding) - {each.id for each in mine}
            answer = await self._answer(desk, worker, receipts, given, sorted(withdrawn))
            await transaction.save(desk)
        return answer

    @again
    async def lease(self, key: bytes, request: WorkRequest) -> WorkAnswer:
        """Give leases, for a request of this key that was answered and waits for more."""
        async with self.world.store.begin() as transaction:
            worker = await self._worker(transaction, key)
            desk = Desk()
            desk.lay(worker)
            leased = await transaction.lay_leased(desk, worker.id)
            rules = self.world.rules(desk)
            given = await self._grant(transaction, rules, worker, request, leased)
            answer = await self._answer(desk, worker, [], given, [])
            await transaction.save(desk)
        return answer

    async def _worker(self, transaction: Transaction, key: bytes) -> Worker:
        worker = await transaction.worker(key)
        if worker is None:
            raise Missing("this key is no enrolled worker")
        return worker

    async def _take(
        self, transaction: Transaction, rules: Rules, worker: Worker, request: WorkRequest
    ) -> list[Receipt]:
        """Lay out what the results are about, and let the rules decide on each."""
        desk = rules.desk
        named = {result.lease for result in request.results}
        named |= {returned.lease for returned in request.returned}
        if not named:
            return []
        await transaction.lay_leases(desk, named)
        await self._lay_suspects(transaction, desk, request)
        missing = await self._missing(transaction, request)
        receipts = []
        for result in request.results:
            execution = desk.executions.get(result.lease)
            if execution is None or execution.worker != worker.id:
                receipts.append(Receipt(result.lease, "refused", "that is no lease of yours"))
            elif not missing.isdisjoint(result.outcome.images.values()):
                receipts.append(Receipt(result.lease, "refused", "upload the images first"))
            elif reason := await self._reason(desk.jobs[execution.job], result):
                rules.hand_back(worker, HandBack(result.lease, reason, is_refused=True))
                receipts.append(Receipt(result.lease, "refused", reason))
            else:
                receipts.append(rules.answer(desk.workers[worker.id], result))
        for returned in request.returned:
            rules.hand_back(worker, returned)
        return receipts

    async def _lay_suspects(
        self, transaction: Transaction, desk: Desk, request: WorkRequest
    ) -> None:
        """Whoever a judgement may catch: all that it holds has to lie on the desk."""
        answered = [desk.executions.get(result.lease) for result in request.results]
        tasks = {each.task for each in answered if each}
        judged = [
            each
            for each in map(desk.of_task, tasks)
            if any(other.purpose is Purpose.JUDGE for other in each)
        ]
        suspects = {other.worker for each in judged for other in each if other.worker}
        for suspect in sorted(suspects):
            await transaction.lay_of_worker(desk, suspect)

    async def _missing(self, transaction: Transaction, request: WorkRequest) -> set[str]:
        """Blobs that results name and nobody has uploaded."""
        named = {name for each in request.results for name in each.outcome.images.values()}
        return named - set(await transaction.blobs(named)) if named else set()

    async def _reason(self, job: Job, result: TaskResult) -> str:
        """Why a result can be none of a job's; nothing if it can."""
        verified = await self.world.program(job.program)
        return check_outcome(kernel_of(verified, job.kernel), result.outcome)

    async def _grant(
        self,
        transaction: Transaction,
        rules: Rules,
        worker: Worker,
        request: WorkRequest,
        mine: list[Execution],
    ) -> list[Execution]:
        """What a worker is given: leases of its own that it does not know, since an answer was
        lost, with the deadline that they have; then new ones.
        """
        worker = rules.desk.workers[worker.id]
        known = {*request.holding, *(result.lease for result in request.results)}
        given = [rules.desk.executions[each.id] for each in mine if each.id not in known]
        room = self.world.policy.leases(worker) - len(mine)
        wanted = min(request.wants - len(given), room)
        if wanted <= 0:
            return given
        waited = rules.now - self.world.policy.patience_s
        spare_s = 0.0
        found = await transaction.lay_waiting(rules.desk, worker, wanted, request.units, waited)
        for execution in found:
            if execution.id in rules.desk.executions.changed:
                continue  # it waits no more: this very request answers it, or ends its task
            if spare_s > MOST_SPARE_S:
                break
            state = rules.desk.jobs[execution.job].state
            if state is JobState.RUNNING or execution.purpose is not Purpose.FIRST:
                given.append(rules.grant(execution, worker, spare_s))
                spare_s += execution.units / SLOWEST_UNITS_S
        return given

    async def _answer(
        self,
        desk: Desk,
        worker: Worker,
        receipts: list[Receipt],
        given: list[Execution],
        withdrawn: list[int],
    ) -> WorkAnswer:
        offers, leases = {}, []
        for execution in given:
            job = desk.jobs[execution.job]
            order = await self.world.order(job.document)
            parameters, inputs = order.task(execution.index)
            offers[job.hash] = JobOffer(job.program, job.kernel, job.checked)
            leases.append(
                Lease(
                    execution.id,
                    job.hash,
                    parameters,
                    inputs,
                    execution.units,
                    execution.memory_bytes,
                    execution.pay,
                    execution.deadline,
                )
            )
        now = self.world.now()
        if now - worker.seen > 60:
            desk.put(structs.replace(desk.workers[worker.id], seen=now))
        return WorkAnswer(receipts, leases, offers, withdrawn, 0.0 if given else IDLE_S)


def check_lengths(request: WorkRequest) -> None:
    """Raises `BadMessage` if a request names a lease twice."""
    named = [each.lease for each in request.results] + [each.lease for each in request.returned]
    if len(set(named)) != len(named):
        raise BadMessage("a lease is answered twice in one request")
