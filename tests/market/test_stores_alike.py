"""The same random trade through the same services: every store ends with the same rows."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from cpushare.exchange.books import audit
from cpushare.exchange.memory import MemoryStore
from cpushare.exchange.sql import migrate, open_store
from cpushare.exchange.store import USER, Store
from cpushare.exchange.sweep import sweep
from cpushare.exchange.workdesk import Call
from cpushare.market.errors import MarketError
from cpushare.market.messages import Dispute, HandBack, Lease, WorkAnswer, WorkRequest
from cpushare.market.trust import TrustPolicy
from tests.market.conftest import emptied
from tests.market.invariants import check_store
from tests.market.parties import pair
from tests.market.trading import Market, answered

ACCOUNTS = {"anna": "one", "bert": "one", "cleo": "two", "checker": "exchange"}
WORKERS = tuple(ACCOUNTS)
POLICY = TrustPolicy(probation=2, share=0.5, new_leases=4, most_failures=2)
STEPS = st.one_of(
    st.tuples(st.just("mint"), st.integers(1, 10_000)),
    st.tuples(
        st.just("submit"),
        st.tuples(
            st.integers(1, 6), st.sampled_from(["spot", "pair", "self"]), st.sampled_from([0, 40])
        ),
    ),
    st.tuples(
        st.just("work"),
        st.tuples(
            st.sampled_from(WORKERS),
            st.integers(0, 4),
            st.sampled_from(["honest", "honest", "honest", "lie"]),
            st.integers(0, 5),
        ),
    ),
    st.tuples(
        st.just("together"),
        st.lists(
            st.tuples(
                st.sampled_from((*WORKERS, "stranger")),
                st.integers(0, 4),
                st.sampled_from(["honest", "honest", "honest", "lie"]),
                st.integers(0, 5),
            ),
            min_size=2,
            max_size=5,
            unique_by=lambda each: each[0],
        ),
    ),
    st.tuples(st.just("hand_back"), st.tuples(st.sampled_from(WORKERS), st.booleans())),
    st.tuples(st.just("wait"), st.sampled_from([1, 3, 70, 4000, 90_000])),
    st.tuples(st.just("cancel"), st.integers(0, 3)),
    st.tuples(st.just("accept"), st.integers(0, 3)),
    st.tuples(st.just("dispute"), st.integers(0, 3)),
)


class Trade:
    """A market and what its workers hold; each step gives what can be seen of it."""

    def __init__(self, store: Store) -> None:
        self.market = Market(store, policy=POLICY)
        self.held: dict[str, list[Lease]] = {worker: [] for worker in WORKERS}
        self.jobs: list[str] = []

    async def begin(self) -> None:
        await self.market.upload()
        await self.market.mint("buyer", 20_000)
        for worker in WORKERS:
            await self.market.enrol(worker, ACCOUNTS[worker])

    async def step(self, name: str, given: Any) -> object:
        try:
            return await getattr(self, name)(given)
        except MarketError as error:
            return type(error), str(error)

    async def mint(self, amount: int) -> None:
        await self.market.mint("buyer", amount)

    async def submit(self, given: tuple[int, str, float]) -> object:
        tasks, trust, wait_s = given
        first = 10 * (len(self.jobs) % 2)
        deadline = self.market.clock + wait_s if wait_s else 0.0
        fields = {"trust": trust, "deadline": deadline, "nonce": str(len(self.jobs))}
        status = await self.market.submit("buyer", self.market.order(tasks, first, **fields))
        self.jobs.append(status.job)
        return status

    async def work(self, given: tuple[str, int, str, int]) -> object:
        worker, count, words, wants = given
        done, self.held[worker] = self.held[worker][:count], self.held[worker][count:]
        answer = await self.market.work(worker, done, wants, words)
        self.held[worker] = answer.leases  # what is held and not named comes again
        return answer

    async def together(self, given: list[tuple[str, int, str, int]]) -> object:
        calls = []
        for worker, count, words, wants in given:
            held = self.held.get(worker, [])
            results = [answered(lease, words) for lease in held[:count]]
            signed = self.market.signed(worker)
            calls.append(Call(signed.key, WorkRequest(results, wants=wants), signed))
        answers = await self.market.desk.serve(calls)
        for (worker, *_), answer in zip(given, answers, strict=True):
            if isinstance(answer, WorkAnswer):
                self.held[worker] = answer.leases
        return [
            answer if isinstance(answer, WorkAnswer) else (type(answer), str(answer))
            for answer in answers
        ]

    async def hand_back(self, given: tuple[str, bool]) -> object:
        worker, is_refused = given
        some, self.held[worker] = self.held[worker][:2], []
        returned = [HandBack(each.id, "no", is_refused) for each in some]
        request = WorkRequest(returned=returned)
        return await self.market.desk.work(self.market.signed(worker), request)

    async def wait(self, seconds: float) -> int:
        self.market.clock += seconds
        return await sweep(self.market.world)

    async def _of_job(self, number: int, what: Callable[..., Any], *more: object) -> object:
        name = self.jobs[number % len(self.jobs)] if self.jobs else "none"
        return await what(self.market.signed("buyer"), name, *more)

    async def cancel(self, number: int) -> object:
        return await self._of_job(number, self.market.jobs.cancel)

    async def accept(self, number: int) -> object:
        return await self._of_job(number, self.market.jobs.accept)

    async def dispute(self, number: int) -> object:
        return await self._of_job(number, self.market.jobs.dispute, Dispute([0, 1, 7]))

    async def seen(self) -> list[object]:
        """All that buyers, sellers and the audit see, and all rows."""
        market = self.market
        rows: list[object] = [await market.jobs.list(market.signed("buyer"))]
        for name in self.jobs:
            rows.append(await market.jobs.results(market.signed("buyer"), name, 0))
        for who in ("buyer", "one", "two"):
            rows.append(await market.jobs.balance(market.signed(who)))
            history = await market.jobs.history(market.signed(who), 0)
            rows.append(sorted(line.id for line in history.transfers))
        async with market.store.reading() as books:
            rows.append({t.id: t async for t in books.every_transfer()})
            rows.append(sorted([b async for b in books.every_balance()], key=lambda b: b.account))
            rows.append([structs.asdict(job) async for job in books.every_job()])
            rows.append(sorted([e async for e in books.every_paid()], key=lambda e: e.id))
        async with market.store.begin() as transaction:
            rows.append(await transaction.workers([pair(each).public for each in WORKERS]))
            for job in await transaction.jobs(None, False, 100):
                rows.append((await transaction.progress(job), await transaction.open_count(job.id)))
                rows.append(await transaction.task_page(job.id, 1, 3))
            rows += [await transaction.newest_waiting(), await transaction.overview(0.0)]
            rows.append(await transaction.find_account(USER, pair("two").name))
        assert await audit(market.store) == []
        return rows


_numbers = itertools.count()


def check_alike(url: str, steps: list[tuple[str, Any]]) -> None:
    async def scenario() -> None:
        await migrate(url)
        store = await open_store(url)
        try:
            rows = MemoryStore()
            trades = [Trade(rows), Trade(store)]
            for trade in trades:
                await trade.begin()
            for name, given_ in steps:
                memory, kept = [await trade.step(name, given_) for trade in trades]
                assert memory == kept
                check_store(rows)
            memory_rows, kept_rows = [await trade.seen() for trade in trades]
            assert memory_rows == kept_rows
        finally:
            await store.close()

    asyncio.run(scenario())


DISPUTED: list[Any] = [
    ("submit", (1, "self", 0)),
    ("work", ("anna", 0, "honest", 2)),
    ("work", ("anna", 1, "honest", 0)),
    ("wait", 70),
    ("dispute", 0),
]
"""A job opens again, and what it has left for checks is less: two changes of one row."""


@pytest.mark.fuzz
@example(steps=DISPUTED)
@given(steps=st.lists(STEPS, min_size=5, max_size=40))
@settings(max_examples=max(40, settings().max_examples // 5))
def test_sqlite_is_alike(tmp_path_factory: pytest.TempPathFactory, steps: list[Any]) -> None:
    folder: Path = tmp_path_factory.mktemp("alike")
    check_alike(f"sqlite:///{folder}/{next(_numbers)}.db", steps)


@pytest.mark.fuzz
@example(steps=DISPUTED)
@given(steps=st.lists(STEPS, min_size=15, max_size=40))
@settings(
    max_examples=max(12, settings().max_examples // 20), phases=[Phase.explicit, Phase.generate]
)
def test_postgres_is_alike(postgres: str, steps: list[Any]) -> None:
    check_alike(emptied(postgres), steps)
