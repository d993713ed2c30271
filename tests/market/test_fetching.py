"""What a buyer reads of a job: every task once, however many change at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

from cpushare.buyer.fetching import Answers
from cpushare.exchange.jobs import OVERLAP_MS
from cpushare.exchange.memory import MemoryStore
from cpushare.exchange.sweep import sweep
from cpushare.market.messages import RESULTS_PAGE, ResultsPage
from cpushare.market.trust import TrustPolicy
from cpushare.wire.client import ExchangeClient
from tests.market.trading import Market

TASKS = 2 * RESULTS_PAGE + 500


@dataclass
class Asking:
    """The buyer's client, straight to the services; counts what it asks."""

    market: Market
    asked: int = 0

    def results(self, job: str, after: int = 0) -> ResultsPage:
        self.asked += 1
        jobs, signed = self.market.jobs, self.market.signed("buyer")
        return asyncio.run(jobs.results(signed, job, after))


async def answered() -> tuple[Market, str]:
    """A market whose job of many tasks is answered, a page's worth at a time."""
    market = Market(MemoryStore(), policy=TrustPolicy(probation=0, share=0.0, new_leases=256))
    await market.upload()
    await market.mint("buyer", 1 << 50)
    await market.enrol("worker", "worker")
    job = await market.submit("buyer", market.order(TASKS, trust="self"))
    leases = (await market.work("worker", [], 256)).leases
    while leases:
        market.clock += 0.01
        leases = (await market.work("worker", leases, 256)).leases
    return market, job.job


def test_a_look_reads_all_there_is_and_the_next_looks_back() -> None:
    market, job = asyncio.run(answered())
    asking = Asking(market)
    answers = Answers(cast("ExchangeClient", asking), job)
    news = answers.look()
    assert sorted(each.index for each in news) == list(range(TASKS))
    assert all(each.outcome for each in news)
    asked = asking.asked
    assert asked <= TASKS // RESULTS_PAGE + 1
    assert answers.look() == []  # it reads once more what may have been under way
    assert asking.asked <= 2 * asked
    market.clock += 2 * OVERLAP_MS / 1000
    answers.look()
    before = asking.asked
    assert answers.look() == []
    assert asking.asked == before + 1


def test_a_job_that_is_over_is_read_once_more_from_its_start() -> None:
    market, job = asyncio.run(answered())
    asking = Asking(market)
    answers = Answers(cast("ExchangeClient", asking), job)
    answers._begin = int(market.clock * 1000) + 3_600_000  # the clock has jumped back since
    assert answers.look() == []
    market.clock += 100_000
    asyncio.run(sweep(market.world))
    market.clock += 100_000
    asyncio.run(sweep(market.world))
    news = answers.look()
    assert sorted(each.index for each in news) == list(range(TASKS))
    assert all(each.is_final for each in news)
    before = asking.asked
    assert answers.look() == []
    assert asking.asked == before + 1
