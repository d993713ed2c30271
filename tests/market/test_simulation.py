"""The market survives what the simulator does to it; every kind of liar is caught or bounded."""

from __future__ import annotations

import os

import pytest

from cpushare.market.states import Standing
from tests.market.sellers import KINDS
from tests.market.simulator import Simulation, Weather

JOBS = (("spot", 24), ("pair", 8), ("self", 8))
FINE = Weather(0.0)
SEEDS = 12 if "FUZZ_EXAMPLES" not in os.environ else int(os.environ["FUZZ_EXAMPLES"]) // 10
CAUGHT = ("noise", "copier", "skipper", "fresh")
"""Kinds that lie so that no honest seller can agree with them."""


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_mixture_in_bad_weather(seed: int) -> None:
    kinds = ["honest", "honest", *(KINDS[(seed * 5 + step) % len(KINDS)] for step in range(3))]
    Simulation(seed, kinds, JOBS).run()


def test_a_seed_replays_itself() -> None:
    one, two = (Simulation(5, ["honest", "noise"], JOBS).run() for _ in range(2))
    assert one.store.transfers == two.store.transfers
    assert one.store.executions == two.store.executions


@pytest.mark.parametrize("kind", CAUGHT)
def test_a_liar_is_caught_and_its_results_are_redone(kind: str) -> None:
    run = Simulation(1, ["honest", kind], JOBS, weather=FINE).run()
    (liar,) = [seller for seller in run.sellers if seller.kind == kind]
    keys = {worker.key: worker for worker in run.store.workers.values()}
    assert keys[liar.keys.public].standing is Standing.CAUGHT or liar.keys_used > 1
    liars = [worker for worker in keys.values() if worker.standing is Standing.CAUGHT]
    mine = [e for e in run.store.executions.values() if e.worker in {each.id for each in liars}]
    assert mine
    assert run.wrong() == 0


def test_a_liar_that_waits_until_it_is_trusted_is_caught_by_pairs() -> None:
    run = Simulation(1, ["honest", "honest", "sleeper"], (("pair", 60),), weather=FINE).run()
    (liar,) = [seller for seller in run.sellers if seller.kind == "sleeper"]
    (worker,) = [w for w in run.store.workers.values() if w.key == liar.keys.public]
    assert worker.standing is Standing.CAUGHT
    assert worker.results > run.policy.probation
    assert run.wrong() == 0


def test_the_honest_are_never_caught() -> None:
    run = Simulation(3, ["honest", "honest", "noise", "ring", "ring"], JOBS).run()
    honest = {seller.keys.public for seller in run.sellers if seller.kind == "honest"}
    caught = {w.key for w in run.store.workers.values() if w.standing is Standing.CAUGHT}
    assert not honest & caught


def test_a_claim_of_more_work_is_refused_and_earns_nothing() -> None:
    run = Simulation(3, ["honest", "mispricer"], JOBS, weather=FINE).run()
    (liar,) = [seller for seller in run.sellers if seller.kind == "mispricer"]
    account = run.store.accounts["user", liar.account.name]
    assert run.store.balances[account].credits == 0
    assert run.wrong() == 0


def test_two_under_one_account_do_not_confirm_each_other() -> None:
    run = Simulation(4, ["twin", "twin", "honest"], (("pair", 20),), weather=FINE).run()
    assert run.wrong() == 0


def test_a_ring_of_two_accounts_is_wrong_only_where_both_have_the_task() -> None:
    run = Simulation(4, ["ring", "ring", "honest", "honest"], JOBS, weather=FINE).run()
    ring = {s.keys.public for s in run.sellers if s.kind == "ring"}
    standings = {w.standing for w in run.store.workers.values() if w.key in ring}
    assert Standing.CAUGHT in standings
    assert run.wrong() <= 8


@pytest.mark.parametrize("kind", ["silent", "refuser", "malformed"])
def test_who_does_not_work_holds_nothing_up_for_long(kind: str) -> None:
    run = Simulation(6, ["honest", kind, kind], (("spot", 24),), weather=FINE).run()
    assert run.wrong() == 0
    assert run.time - 1_700_000_000 < 600
