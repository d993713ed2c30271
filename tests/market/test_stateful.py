"""Books and leases as state machines: whatever is asked, and in whichever order, what must be true
of them is true, and who is told that a result was accepted is paid for it once or never.

Hypothesis chooses the rules; a failure is shown as the shortest program of them that it has found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)
from msgspec import structs

from cpushare.exchange.memory import MemoryStore
from cpushare.exchange.sweep import sweep
from cpushare.market import ledger
from cpushare.market.errors import Conflict, Forbidden, MarketError, TooMuch
from cpushare.market.ledger import Balance, Step, Transfer, transfer_id
from cpushare.market.messages import Dispute, HandBack, Lease, TaskResult, WorkRequest
from cpushare.market.states import Stage, Standing
from cpushare.market.trust import TrustPolicy
from tests.market.invariants import check_ended, check_store
from tests.market.parties import pair
from tests.market.trading import Market, answered

R = TypeVar("R")


class BooksMachine(RuleBasedStateMachine):
    """The ledger beside a model of it: what everybody has, and what is set aside."""

    MINT = 0
    accounts = Bundle("accounts")
    pendings = Bundle("pendings")
    entered = Bundle("entered")

    @initialize()
    def open_books(self) -> None:
        self.balances = {self.MINT: Balance(self.MINT, may_owe=True)}
        self.known: dict[bytes, Transfer] = {}
        self.ended: set[bytes] = set()
        self.has = {self.MINT: 0}
        self.aside = {self.MINT: 0}
        self.number = 0

    def _enter(self, transfer: Transfer) -> None:
        posted = ledger.post(self.balances, [transfer], self.known, self.ended)
        self.balances |= posted.balances
        self.known |= {each.id: each for each in posted.transfers}
        self.ended |= {each.pending for each in posted.transfers if each.pending}

    def _new(self, step: Step, debit: int, credit: int, amount: int, pending: bytes) -> Transfer:
        self.number += 1
        name = str(self.number)
        return Transfer(transfer_id(name), step, debit, credit, amount, name, 1.0, pending)

    @rule(target=accounts)
    def open_account(self) -> int:
        number = len(self.balances)
        self.balances[number] = Balance(number)
        self.has[number] = self.aside[number] = 0
        return number

    @rule(target=entered, account=accounts, amount=st.integers(1, 100))
    def mint(self, account: int, amount: int) -> Transfer:
        transfer = self._new(Step.MOVE, self.MINT, account, amount, b"")
        self._enter(transfer)
        self.has[self.MINT] -= amount
        self.has[account] += amount
        return transfer

    @rule(target=entered, a=accounts, b=accounts, amount=st.integers(-1, 120))
    def move(self, a: int, b: int, amount: int) -> object:
        transfer = self._new(Step.MOVE, a, b, amount, b"")
        if not self._is_entered(transfer):
            return multiple()
        self.has[a] -= amount
        self.has[b] += amount
        return transfer

    @rule(target=pendings, a=accounts, b=accounts, amount=st.integers(1, 60))
    def set_aside(self, a: int, b: int, amount: int) -> object:
        transfer = self._new(Step.PENDING, a, b, amount, b"")
        if not self._is_entered(transfer):
            return multiple()
        self.aside[a] += amount
        return transfer

    def _is_entered(self, transfer: Transfer) -> bool:
        """Enter what takes from an account; it is refused just where it must be."""
        debit, amount = transfer.debit, transfer.amount
        free = self.has[debit] - self.aside[debit]
        try:
            self._enter(transfer)
        except TooMuch:
            assert amount > free
            return False
        except Forbidden:
            assert amount < 1 or debit == transfer.credit
            return False
        assert 1 <= amount <= free
        return True

    @rule(target=entered, pending=consumes(pendings), is_paid=st.booleans())
    def end(self, pending: Transfer, is_paid: bool) -> Transfer:
        step = Step.POST if is_paid else Step.VOID
        a, b, amount = pending.debit, pending.credit, pending.amount
        transfer = self._new(step, a, b, amount, pending.id)
        self._enter(transfer)
        self.aside[a] -= amount
        if is_paid:
            self.has[a] -= amount
            self.has[b] += amount
        return transfer

    @rule(transfer=entered)
    def repeat(self, transfer: Transfer) -> None:
        before = dict(self.balances)
        self._enter(structs.replace(transfer, created=2.0))
        assert self.balances == before

    @rule(transfer=entered, more=st.integers(1, 5))
    def forge(self, transfer: Transfer, more: int) -> None:
        try:
            self._enter(structs.replace(transfer, amount=transfer.amount + more))
        except Conflict:
            return
        raise AssertionError("another transfer of the same id was entered")

    @rule(transfer=entered, step=st.sampled_from([Step.POST, Step.VOID]))
    def end_again(self, transfer: Transfer, step: Step) -> None:
        if not transfer.pending:
            return
        parts = (transfer.debit, transfer.credit, transfer.amount, transfer.pending)
        try:
            self._enter(self._new(step, *parts))
        except Conflict:
            return
        raise AssertionError("what was pending has ended twice")

    @invariant()
    def is_as_the_model(self) -> None:
        for number, balance in self.balances.items():
            assert balance.credits - balance.debits == self.has[number]
            assert balance.debits_pending == self.aside[number]
            assert balance.may_owe or balance.available >= 0
        assert sum(self.has.values()) == 0
        assert ledger.audit(self.balances.values(), self.known.values()) == []


class MarketMachine(RuleBasedStateMachine):
    """The exchange's services on a store in memory: buyers, workers and time do as they please."""

    ACCOUNTS = {"anna": "one", "bert": "one", "cleo": "two", "checker": "exchange"}
    POLICY = TrustPolicy(probation=2, share=0.5, new_leases=4, most_failures=2)
    jobs = Bundle("jobs")
    leases = Bundle("leases")
    requests = Bundle("requests")

    @initialize(target=jobs, trust=st.sampled_from(["spot", "pair", "self"]))
    def open_market(self, trust: str) -> str:
        self.store = MemoryStore()
        self.market = Market(self.store, policy=self.POLICY)
        self.accepted: dict[int, str] = {}
        self.count = 0
        self._do(self.market.upload())
        self._do(self.market.mint("buyer", 50_000))
        for worker, account in self.ACCOUNTS.items():
            self._do(self.market.enrol(worker, account))
        return self._do(self.market.submit("buyer", self.market.order(4, trust=trust))).job

    def _do(self, what: Awaitable[R]) -> R:
        async def waited() -> R:
            return await what

        return asyncio.run(waited())

    def _try(self, what: Awaitable[object]) -> None:
        """Do what may be refused; then nothing may have changed."""
        before = self._rows()
        try:
            self._do(what)
        except MarketError:
            assert self._rows() == before

    def _rows(self) -> list[dict[object, object]]:
        store = self.store
        kept = (store.jobs, store.tasks, store.executions, store.transfers, store.balances)
        return [dict(each) for each in kept]

    @rule(
        target=jobs,
        tasks=st.integers(1, 6),
        trust=st.sampled_from(["spot", "pair", "self"]),
        first=st.sampled_from([0, 10]),
        lives_s=st.sampled_from([0, 40]),
        budget=st.sampled_from([1 << 50, 900]),
    )
    def submit(self, tasks: int, trust: str, first: int, lives_s: int, budget: int) -> object:
        self.count += 1
        deadline = self.market.clock + lives_s if lives_s else 0.0
        fields = {"trust": trust, "deadline": deadline, "nonce": str(self.count), "budget": budget}
        before = self._rows()
        try:
            job = self._do(self.market.submit("buyer", self.market.order(tasks, first, **fields)))
        except MarketError:
            assert self._rows() == before
            return multiple()
        assert job.reserved <= budget
        return job.job

    @rule(
        target=leases, worker=st.sampled_from(sorted(ACCOUNTS)), wants=st.sampled_from([1, 4, 250])
    )
    def lease(self, worker: str, wants: int) -> object:
        answer = self._do(self.market.work(worker, [], wants))
        return (worker, answer.leases) if answer.leases else multiple()

    @rule(
        target=requests,
        held=leases,
        count=st.integers(1, 4),
        words=st.sampled_from(["honest", "honest", "honest", "lie"]),
        by=st.sampled_from((None, None, None, *ACCOUNTS)),
    )
    def answer(
        self, held: tuple[str, list[Lease]], count: int, words: str, by: str | None
    ) -> object:
        worker = by or held[0]
        results = [answered(each, words) for each in held[1][:count]]
        self._send(worker, results)
        return worker, results

    @rule(request=requests)
    def answer_again(self, request: tuple[str, list[TaskResult]]) -> None:
        self._send(*request)

    def _send(self, worker: str, results: list[TaskResult]) -> None:
        request = WorkRequest(results=results)
        answer = self._do(self.market.desk.work(self.market.signed(worker), request))
        (mine,) = (w.id for w in self.store.workers.values() if w.key == pair(worker).public)
        for result, receipt in zip(results, answer.receipts, strict=True):
            assert receipt.lease == result.lease
            if receipt.verdict == "accepted":
                assert result.lease not in self.accepted, "a result was accepted twice"
                self.accepted[result.lease] = result.outcome.trap
            if receipt.verdict in ("accepted", "known"):
                assert self.accepted[result.lease] == result.outcome.trap
                assert self.store.executions[result.lease].worker == mine

    @rule(held=consumes(leases), is_refused=st.booleans())
    def hand_back(self, held: tuple[str, list[Lease]], is_refused: bool) -> None:
        worker, given = held
        request = WorkRequest(returned=[HandBack(each.id, "no", is_refused) for each in given])
        self._do(self.market.desk.work(self.market.signed(worker), request))

    @rule(seconds=st.sampled_from([1, 1, 3, 3, 70, 4000, 90_000]))
    def wait(self, seconds: int) -> None:
        self.market.clock += seconds
        self._do(sweep(self.market.world))

    @rule(job=jobs, ask=st.sampled_from(["cancel", "accept"]))
    def end_job(self, job: str, ask: str) -> None:
        asked: Callable[..., Awaitable[object]] = getattr(self.market.jobs, ask)
        self._try(asked(self.market.signed("buyer"), job))

    @rule(job=jobs, tasks=st.lists(st.integers(0, 7), min_size=1, max_size=3, unique=True))
    def dispute(self, job: str, tasks: list[int]) -> None:
        signed = self.market.signed("buyer")
        self._try(self.market.jobs.dispute(signed, job, Dispute(tasks)))

    @rule(job=jobs, ask=st.sampled_from(["cancel", "accept", "status"]))
    def meddle(self, job: str, ask: str) -> None:
        before = self._rows()
        asked: Callable[..., Awaitable[object]] = getattr(self.market.jobs, ask)
        try:
            self._do(asked(self.market.signed("anna"), job))
        except MarketError:
            assert self._rows() == before
        else:
            raise AssertionError("a stranger was let at a job")

    @invariant()
    def is_sound(self) -> None:
        check_store(self.store)
        for number in self.accepted:
            assert self.store.executions[number].stage not in (Stage.WAITING, Stage.LEASED)
        for worker in self.store.workers.values():
            if worker.key == pair("checker").public:
                assert worker.standing is Standing.CHECKER

    def teardown(self) -> None:
        """Let the checker do what is left: every job ends, and nothing stays anywhere."""
        if not hasattr(self, "store"):
            return
        for job in list(self.store.jobs.values()):
            if not job.is_over:
                self._do(self.market.jobs.cancel(self.market.signed("buyer"), job.hash))
        for _ in range(30):
            leases = self._do(self.market.work("checker", [], 250)).leases
            self._do(self.market.work("checker", leases, 0))
            self.market.clock += 90_000
            self._do(sweep(self.market.world))
            if all(job.is_over for job in self.store.jobs.values()):
                break
        assert all(job.is_over for job in self.store.jobs.values())
        check_store(self.store)
        check_ended(self.store)


TestBooks = BooksMachine.TestCase
TestBooks.settings = settings(max_examples=max(30, settings().max_examples // 3), deadline=None)
TestMarket = MarketMachine.TestCase
TestMarket.settings = settings(
    max_examples=max(60, settings().max_examples // 2), stateful_step_count=40, deadline=None
)
