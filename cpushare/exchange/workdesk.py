"""What workers may ask of the exchange: to be enrolled, and for work in exchange for results.

Requests that come at the same time are served together, in one transaction: what a request costs is
mostly what a transaction costs. Each is answered as if it had come alone, in their order; results
are taken before anybody gets leases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, structs

from cpushare.exchange.service import SENT_BEFORE, World, use_up
from cpushare.exchange.store import USER, Transaction, again
from cpushare.market.desk import Desk
from cpushare.market.errors import BadMessage, BadSignature, Forbidden, MarketError, Missing
from cpushare.market.keys import show_key
from cpushare.market.messages import (
    Enrolled,
    Enrolment,
    HandBack,
    JobOffer,
    Lease,
    Receipt,
    TaskResult,
    WorkAnswer,
    WorkRequest,
)
from cpushare.market.order import read_order
from cpushare.market.rules import SLOWEST_UNITS_S, Rules
from cpushare.market.signing import CLOCK_S, Signed
from cpushare.market.states import Execution, JobState, Purpose, Stage, Standing, Worker
from cpushare.market.wishes import Wish
from cpushare.market.work import check_outcome, kernel_of
from vm.verifier.verified import VerifiedKernel

MOST_SPARE_S = 120.0
"""Work that a batch of leases gives before its last, for the slowest worker: a worker that falls
silent holds up nothing for much longer."""
IDLE_S = 5.0
"""When a worker that got nothing asks again."""
SEEN_S = 60.0
"""How often it is noted that a worker is there."""


class Call(Struct, frozen=True):
    """A worker's request. Its signature has been checked, but for the nonce; there is none where
    the request was answered before, and waits for more.
    """

    key: bytes
    request: WorkRequest
    signed: Signed | None = None


class _Served(Struct):
    """A call under way: its worker, what that has been leased, what it is told."""

    call: Call
    worker: int
    receipts: list[Receipt] = []
    leased: list[Execution] = []
    given: list[Execution] = []


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
            known = (await transaction.workers([signed.key])).get(signed.key)
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

    async def work(self, signed: Signed, request: WorkRequest) -> WorkAnswer:
        """Take results, give leases. Raises `Missing` for a key that is not enrolled."""
        (answer,) = await self.serve([Call(signed.key, request, signed)])
        if isinstance(answer, MarketError):
            raise answer
        return answer

    @again
    async def serve(self, calls: Sequence[Call]) -> list[WorkAnswer | MarketError]:
        """Serve requests of different workers in one transaction: an answer to each, or why there
        is none. Raises what concerns all of them.
        """
        async with self.world.store.begin() as transaction:
            desk = Desk()
            rules = self.world.rules(desk)
            found = await self._admit(transaction, desk, calls)
            served = [each for each in found if isinstance(each, _Served)]
            await self._take(transaction, rules, served)
            await self._grant(transaction, rules, served)
            answers = [
                await self._answer(transaction, desk, each) if isinstance(each, _Served) else each
                for each in found
            ]
            await transaction.save(desk)
        return answers

    async def _admit(
        self, transaction: Transaction, desk: Desk, calls: Sequence[Call]
    ) -> list[_Served | MarketError]:
        """Lay out who asks, and use up their nonces: a request that is sent twice is served once.

        A stranger's are not kept: whoever has no key here cannot fill the table.
        """
        now = self.world.now()
        workers = await transaction.workers({call.key for call in calls})
        desk.lay(*workers.values())
        signed = [call.signed for call in calls if call.signed and call.key in workers]
        nonces = [(each.key, each.nonce, each.created + 2.0 * CLOCK_S) for each in signed]
        fresh = await transaction.use_nonces(nonces, now) if nonces else set()
        found: list[_Served | MarketError] = []
        for call in calls:
            if call.key not in workers:
                found.append(Missing("this key is no enrolled worker"))
            elif call.signed and call.key not in fresh:
                found.append(BadSignature(SENT_BEFORE))
            elif repeats(call.request):
                found.append(BadMessage("a lease is answered twice in one request"))
            else:
                found.append(_Served(call, workers[call.key].id))
        return found

    async def _take(
        self, transaction: Transaction, rules: Rules, served: Sequence[_Served]
    ) -> None:
        """Lay out what the results are about, and let the rules decide on each."""
        desk = rules.desk
        results = [result for each in served for result in each.call.request.results]
        returned = [back for each in served for back in each.call.request.returned]
        named = {result.lease for result in results} | {back.lease for back in returned}
        if not named:
            return
        await transaction.lay_leases(desk, named)
        await self._lay_suspects(transaction, desk, results)
        images = {name for result in results for name in result.outcome.images.values()}
        missing = images - set(await transaction.blobs(images)) if images else set()
        kernels = {
            job.id: kernel_of(await self.world.program(transaction, job.program), job.kernel)
            for job in desk.jobs.values()
        }
        for each in served:
            for result in each.call.request.results:
                each.receipts.append(_taken(rules, each.worker, result, missing, kernels))
            for back in each.call.request.returned:
                rules.hand_back(desk.workers[each.worker], back)

    async def _lay_suspects(
        self, transaction: Transaction, desk: Desk, results: Sequence[TaskResult]
    ) -> None:
        """Whoever a judgement may catch: all that it holds has to lie on the desk."""
        judged = {each.task for each in desk.executions.values() if each.purpose is Purpose.JUDGE}
        if not judged:
            return
        answered = [desk.executions.get(result.lease) for result in results]
        tasks = judged & {each.task for each in answered if each}
        suspects = {each.worker for key in tasks for each in desk.of_task(key) if each.worker}
        for suspect in sorted(suspects):
            await transaction.lay_of_worker(desk, suspect)

    async def _grant(
        self, transaction: Transaction, rules: Rules, served: Sequence[_Served]
    ) -> None:
        """What workers are given: leases of their own that they do not know, since an answer was
        lost, with the deadline that they have; then new ones.
        """
        desk = rules.desk
        found = await transaction.lay_leased(desk, {each.worker for each in served})
        leased: dict[int, list[Execution]] = {each.worker: [] for each in served}
        for execution in (desk.executions[each.id] for each in found):
            if execution.stage is Stage.LEASED:
                leased[execution.worker].append(execution)
        wishes = {}
        for each in served:
            each.leased = leased[each.worker]
            request, worker = each.call.request, desk.workers[each.worker]
            known = {*request.holding, *(result.lease for result in request.results)}
            each.given = [one for one in each.leased if one.id not in known]
            room = self.world.policy.leases(worker) - len(each.leased)
            wanted = min(request.wants - len(each.given), room)
            if wanted > 0:
                wishes[each.worker] = Wish(worker, wanted, request.units)
        if not wishes:
            return
        waited = rules.now - self.world.policy.patience_s
        lists = await transaction.lay_waiting(desk, list(wishes.values()), waited)
        dealt = dict(zip(wishes, lists, strict=True))
        for each in served:
            each.given += _granted(rules, each.worker, dealt.get(each.worker, []))

    async def _answer(self, transaction: Transaction, desk: Desk, served: _Served) -> WorkAnswer:
        offers, leases = {}, []
        for execution in served.given:
            job = desk.jobs[execution.job]
            order = await self.world.order(transaction, job.document)
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
        now, worker = self.world.now(), desk.workers[served.worker]
        if now - worker.seen > SEEN_S:
            desk.put(structs.replace(worker, seen=now))
        holding = served.call.request.holding if served.call.signed else []
        withdrawn = sorted({*holding} - {each.id for each in served.leased})
        return WorkAnswer(
            served.receipts, leases, offers, withdrawn, 0.0 if served.given else IDLE_S
        )


def _taken(
    rules: Rules,
    worker: int,
    result: TaskResult,
    missing: set[str],
    kernels: Mapping[int, VerifiedKernel],
) -> Receipt:
    """Decide on a result; `missing` are images that nobody uploaded, `kernels` those of jobs."""
    desk = rules.desk
    execution = desk.executions.get(result.lease)
    if execution is None or execution.worker != worker:
        return Receipt(result.lease, "refused", "that is no lease of yours")
    if not missing.isdisjoint(result.outcome.images.values()):
        return Receipt(result.lease, "refused", "upload the images first")
    if reason := check_outcome(kernels[execution.job], result.outcome):
        back = HandBack(result.lease, reason, is_refused=True)
        rules.hand_back(desk.workers[worker], back)
        return Receipt(result.lease, "refused", reason)
    return rules.answer(desk.workers[worker], result)


def _granted(rules: Rules, worker: int, waiting: Sequence[Execution]) -> list[Execution]:
    """Executions that are put into a worker's hands, of those that wait for it."""
    given, spare_s = [], 0.0
    for execution in waiting:
        if execution.id in rules.desk.executions.changed:
            continue  # it waits no more: a request just now answered it, or ended its task
        if spare_s > MOST_SPARE_S:
            break
        state = rules.desk.jobs[execution.job].state
        if state is JobState.RUNNING or execution.purpose is not Purpose.FIRST:
            given.append(rules.grant(execution, rules.desk.workers[worker], spare_s))
            spare_s += execution.units / SLOWEST_UNITS_S
    return given


def repeats(request: WorkRequest) -> bool:
    """Whether a request names a lease twice."""
    named = [each.lease for each in request.results] + [each.lease for each in request.returned]
    return len(set(named)) != len(named)
