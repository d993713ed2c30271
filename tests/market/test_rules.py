"""What an attacker might try with leases, checks, disputes and the known outcomes, one by one."""

from __future__ import annotations

import pytest
from msgspec import structs

from cpushare.exchange.sweep import sweep
from cpushare.market.errors import Forbidden, TooMuch
from cpushare.market.keys import KeyPair
from cpushare.market.messages import (
    Dispute,
    Enrolment,
    HandBack,
    JobOrder,
    JobStatus,
    Lease,
    Outcome,
    TaskResult,
    WorkAnswer,
    WorkRequest,
    decode,
    encode,
)
from cpushare.market.order import SellOrder, write_order
from cpushare.market.rules import LEASE_S
from cpushare.market.states import Execution, Purpose, Stage, Standing, TaskStage
from cpushare.market.trust import TrustPolicy
from tests.market.invariants import check_store
from tests.market.sellers import truth
from tests.market.simulator import Simulation, Weather, finish, pair

LIE = Outcome(record={"total": 5})
ANN, BOB, EVE, CHECKER = pair(11), pair(12), pair(13), pair(2)


class Market:
    """An exchange in fine weather, whose clients are driven by hand."""

    def __init__(self, trust: str, tasks: int, policy: TrustPolicy | None = None) -> None:
        self.world = Simulation(1, [], ((trust, tasks),), policy, Weather(0.0))
        self.world._mint()
        for keys in (ANN, BOB, EVE, CHECKER):
            order = SellOrder("https://exchange.example", self.world.operator.name, keys.name, 1)
            enrolment = Enrolment(write_order(order, keys), 1 << 40)
            finish(self.world.work.enrol(self.world.sign(keys), enrolment))
        self.job = self.submit(self.world.orders[0])

    def submit(self, order: bytes) -> JobStatus:
        return finish(self.world.desk.submit(self.world.sign(self.world.buyer), order))

    def ask(self, keys: KeyPair, wants: int = 1, holding: list[int] | None = None) -> WorkAnswer:
        return self.send(keys, WorkRequest(wants=wants, holding=holding or []))

    def send(self, keys: KeyPair, request: WorkRequest) -> WorkAnswer:
        answer = finish(self.world.work.work(self.world.sign(keys), request))
        check_store(self.world.store)
        return answer

    def answer(self, keys: KeyPair, lease: Lease, outcome: Outcome | None = None) -> str:
        result = TaskResult(lease.id, lease.units, outcome or truth(lease.parameters))
        return self.send(keys, WorkRequest([result])).receipts[0].verdict

    def work_honestly(self, *workers: KeyPair) -> None:
        """Have workers and the exchange's own do all there is, and wait for the end."""
        for _ in range(6):
            for keys in (*workers, CHECKER):
                for lease in self.ask(keys, 16).leases:
                    self.answer(keys, lease)
            self.wait(1)

    def dispute(self, *tasks: int) -> JobStatus:
        signed = self.world.sign(self.world.buyer)
        return finish(self.world.desk.dispute(signed, self.job.job, Dispute(list(tasks))))

    def status(self) -> JobStatus:
        signed = self.world.sign(self.world.buyer)
        return finish(self.world.desk.status(signed, self.job.job))

    def wait(self, seconds: float) -> None:
        self.world.time += seconds
        for _ in range(3):
            finish(sweep(self.world.world))
        check_store(self.world.store)

    def standing(self, keys: KeyPair) -> Standing:
        return next(w.standing for w in self.world.store.workers.values() if w.key == keys.public)

    def earned(self, keys: KeyPair) -> int:
        return self.world.store.balances[self.world.store.accounts["user", keys.name]].credits

    def executions(self, purpose: Purpose) -> list[Execution]:
        every = self.world.store.executions.values()
        return [each for each in every if each.purpose is purpose]


def test_asking_again_for_a_lost_lease_gives_it_with_its_deadline() -> None:
    market = Market("spot", 1)
    (lease,) = market.ask(EVE).leases
    market.world.time += LEASE_S / 2
    assert market.ask(EVE).leases == [lease]
    market.wait(LEASE_S / 2 + 1)
    assert market.ask(ANN).leases[0].id == lease.id
    assert market.ask(EVE, 0, [lease.id]).withdrawn == [lease.id]


def test_no_worker_holds_more_than_it_may_whatever_it_says() -> None:
    market = Market("spot", 60)
    for _ in range(4):
        market.ask(EVE, 256)
    bogus = [TaskResult(each.id, each.units, LIE) for each in market.ask(EVE, 256).leases]
    market.send(EVE, WorkRequest(wants=256, holding=[each.lease for each in bogus]))
    leased = [e for e in market.executions(Purpose.FIRST) if e.stage is Stage.LEASED]
    assert len(leased) == market.world.policy.new_leases


def test_silence_moves_a_task_to_the_exchange_after_some_leases() -> None:
    market = Market("spot", 1)
    for _ in range(market.world.policy.most_failures):
        assert market.ask(EVE).leases
        market.wait(LEASE_S + 1)
    assert not market.ask(EVE).leases
    assert market.answer(CHECKER, market.ask(CHECKER).leases[0]) == "accepted"
    market.wait(1)
    assert market.status().state == "done"
    assert market.earned(CHECKER) == market.status().paid > 0


def test_refusing_does_not_make_a_job_free_nor_spoil_it() -> None:
    market = Market("spot", 1)
    for _ in range(market.world.policy.most_failures):
        (lease,) = market.ask(EVE).leases
        market.send(EVE, WorkRequest(returned=[HandBack(lease.id, "bad", is_refused=True)]))
    assert market.answer(CHECKER, market.ask(CHECKER).leases[0]) == "accepted"
    market.wait(1)
    assert (market.status().final, market.status().paid > 0) == (1, True)


def test_what_the_exchange_refuses_is_given_up_and_the_coins_come_back() -> None:
    market = Market("spot", 1, TrustPolicy(most_failures=1))
    (lease,) = market.ask(EVE).leases
    market.send(EVE, WorkRequest(returned=[HandBack(lease.id, "bad", is_refused=True)]))
    (lease,) = market.ask(CHECKER).leases
    market.send(CHECKER, WorkRequest(returned=[HandBack(lease.id, "bad", is_refused=True)]))
    market.wait(1)
    status = market.status()
    assert (status.failed, status.paid, status.refunded) == (1, 0, status.reserved)


def test_a_late_answer_counts_if_it_is_the_first() -> None:
    market = Market("spot", 1)
    (lease,) = market.ask(ANN).leases
    market.wait(LEASE_S + 1)
    assert market.answer(ANN, lease) == "accepted"
    assert market.answer(ANN, lease) == "known"
    assert market.answer(ANN, lease, LIE) == "refused"


def test_anothers_lease_cannot_be_answered_or_handed_back() -> None:
    market = Market("spot", 1)
    (lease,) = market.ask(ANN).leases
    assert market.answer(EVE, lease) == "refused"
    market.send(EVE, WorkRequest(returned=[HandBack(lease.id)]))
    assert market.answer(ANN, lease) == "accepted"


def test_a_lie_is_judged_and_its_task_keeps_the_truth() -> None:
    market = Market("pair", 2)
    first, second = market.ask(EVE, 2).leases
    market.answer(EVE, first, LIE)
    market.answer(EVE, second)
    for lease in market.ask(BOB, 2).leases:
        assert market.answer(BOB, lease) == "accepted"
    assert market.standing(EVE) is Standing.NEW
    market.answer(CHECKER, market.ask(CHECKER).leases[0])
    assert market.standing(EVE) is Standing.CAUGHT
    assert market.standing(BOB) is Standing.NEW
    market.work_honestly(BOB, ANN)
    assert market.status().state == "done"
    assert market.earned(EVE) == 0
    assert market.world.wrong() == 0


def test_an_answer_after_a_judgement_is_measured_by_it() -> None:
    market = Market("pair", 1)
    (first,) = market.ask(ANN).leases
    market.answer(ANN, first)
    (check,) = market.ask(EVE).leases
    market.dispute(0)
    market.answer(CHECKER, market.ask(CHECKER).leases[0])
    market.answer(EVE, check, LIE)
    assert market.standing(EVE) is Standing.CAUGHT
    market.wait(1)
    assert market.earned(EVE) == 0
    assert market.world.wrong() == 0


def test_two_liars_caught_by_one_judgement() -> None:
    market = Market("pair", 4)
    for lease in market.ask(EVE, 4).leases:
        market.answer(EVE, lease, LIE)
    for lease in market.ask(BOB, 4).leases:
        market.answer(BOB, lease, LIE)
    market.dispute(0)
    market.answer(CHECKER, market.ask(CHECKER).leases[0])
    assert {market.standing(EVE), market.standing(BOB)} == {Standing.CAUGHT}
    market.work_honestly(ANN)
    assert market.status().state == "done"
    assert market.world.wrong() == 0


def test_a_dispute_costs_who_is_wrong_and_is_free_to_who_is_right() -> None:
    market = Market("self", 10)
    for lease in market.ask(ANN, 10).leases:
        market.answer(ANN, lease)
    market.dispute(0)
    with pytest.raises(TooMuch):
        market.dispute(1)
    market.answer(CHECKER, market.ask(CHECKER).leases[0])
    market.wait(1)
    market.wait(3601)
    assert market.status().paid == market.status().reserved
    with pytest.raises(Forbidden):
        market.dispute(1)

    market = Market("self", 10)
    leases = market.ask(EVE, 10).leases
    for lease in leases:
        market.answer(EVE, lease, LIE)
    before = market.world.store.jobs[1].checks_left
    market.dispute(0)
    market.answer(CHECKER, market.ask(CHECKER).leases[0])
    assert market.standing(EVE) is Standing.CAUGHT
    assert market.world.store.jobs[1].checks_left == before


def test_outcomes_are_known_to_their_buyer_alone() -> None:
    market = Market("self", 3)
    for lease in market.ask(EVE, 3).leases:
        market.answer(EVE, lease, LIE)
    signed = market.world.sign(market.world.buyer)
    finish(market.world.desk.accept(signed, market.job.job))
    market.wait(1)
    assert market.status().state == "done"
    order = decode(market.world.orders[0], JobOrder)
    again = market.submit(encode(structs.replace(order, nonce="again")))
    assert (again.final, again.reserved) == (3, 0)
    other = market.submit(encode(structs.replace(order, nonce="again", trust="spot")))
    assert (other.final, other.reserved > 0) == (0, True)


def test_a_job_that_is_known_already_ends_and_moves_no_coins() -> None:
    market = Market("spot", 2)
    market.work_honestly(ANN, BOB)
    order = decode(market.world.orders[0], JobOrder)
    again = market.submit(encode(structs.replace(order, nonce="again")))
    moved = len(market.world.store.transfers)
    market.wait(1)
    market.wait(1)
    (job,) = [job for job in market.world.store.jobs.values() if job.hash == again.job]
    assert job.state == "done"
    assert len(market.world.store.transfers) == moved


def test_cancel_pays_what_was_begun_and_returns_the_rest() -> None:
    market = Market("self", 5)
    (lease,) = market.ask(ANN).leases
    signed = market.world.sign(market.world.buyer)
    finish(market.world.desk.cancel(signed, market.job.job))
    market.wait(1)
    assert not market.ask(BOB, 5).leases
    assert market.answer(ANN, lease) == "accepted"
    market.wait(1)
    market.wait(3601)
    status = market.status()
    assert (status.state, status.final) == ("cancelled", 1)
    assert status.paid + status.refunded == status.reserved


def test_a_job_that_has_all_its_answers_does_not_expire() -> None:
    market = Market("self", 1)
    order = decode(market.world.orders[0], JobOrder)
    late = structs.replace(order, deadline=market.world.now() + 30, nonce="late")
    status = market.submit(encode(late))
    for lease in market.ask(ANN, 2).leases:
        market.answer(ANN, lease)
    market.wait(60)
    market.wait(3601)
    (job,) = [each for each in market.world.store.jobs.values() if each.hash == status.job]
    assert job.state == "done"


def test_two_equal_tasks_of_a_job_are_both_answered() -> None:
    market = Market("spot", 1)
    order = decode(market.world.orders[0], JobOrder)
    twice = structs.replace(order, parameters=[*order.parameters, *order.parameters])
    status = market.submit(encode(twice))
    market.work_honestly(ANN, BOB)
    tasks = [t for t in market.world.store.tasks.values() if t.job == 2]
    assert status.tasks == 2
    assert [each.stage for each in tasks] == [TaskStage.FINAL] * 2
