"""How quick the exchange's store is alone: `python -m bench.market_store` on SQLite and PostgreSQL.

Requests come straight to the services, without HTTP and without signatures to check.
"""

from __future__ import annotations

import asyncio
import tempfile
import time

from cpushare.exchange.books import audit
from cpushare.exchange.sql import migrate, open_store
from cpushare.exchange.store import USER
from cpushare.exchange.sweep import sweep
from cpushare.market.ledger import Step, Transfer, transfer_id
from cpushare.market.trust import TrustPolicy
from tests.market.postgres import server
from tests.market.trading import Market, until_quiet

TRUSTED = TrustPolicy(probation=0, share=0.0, new_leases=256)
TASKS = 10_000


async def measure(name: str, url: str) -> None:
    """Print what one database does."""
    await migrate(url)
    store = await open_store(url)
    market = Market(store, policy=TRUSTED)
    await market.upload()
    await market.mint("buyer", 1 << 50)
    workers = [f"worker {n}" for n in range(8)]
    for worker in workers:
        await market.enrol(worker, worker)
    for batch, tasks in ((1, TASKS // 5), (50, TASKS)):
        began = time.perf_counter()
        await market.submit("buyer", market.order(tasks, 20_000 * batch, trust="self"))
        submitted = time.perf_counter()
        done = await until_quiet(market, workers, batch)
        worked = time.perf_counter()
        market.clock += 8_000
        await sweep(market.world)
        market.clock += 8_000
        await sweep(market.world)
        settled = time.perf_counter()
        assert done == tasks
        print(
            f"{name:10} {batch:3} a lease: {tasks / (worked - submitted):9,.0f} tasks/s; "
            f"{tasks:,} submitted in {submitted - began:.2f} s, settled in {settled - worked:.2f} s"
        )
    print(f"{name:10} ledger: {await _transfers(market):9,.0f} transfers/s by 2,000")
    began = time.perf_counter()
    assert await audit(store) == []
    print(f"{name:10} audit: {time.perf_counter() - began:.2f} s")
    await store.close()


async def transfers_per_second(url: str) -> float:
    """Transfers in batches of 2,000, each batch on the disk before the next, on a database that
    has its tables.
    """
    store = await open_store(url)
    try:
        market = Market(store, seed=time.time_ns())
        await market.mint("buyer", 1 << 50)
        return await _transfers(market)
    finally:
        await store.close()


async def _transfers(market: Market) -> float:
    async with market.store.begin() as transaction:
        buyer = await transaction.find_account(USER, market.account("buyer"))
        others = [await transaction.account(USER, f"other {n}") for n in range(100)]
    assert buyer is not None
    began, count = time.perf_counter(), 0
    for step in range(20):
        some = [
            Transfer(
                transfer_id(f"{began} {step} {n}"),
                Step.MOVE,
                buyer,
                others[n % 100],
                1,
                "a test",
                1.0,
            )
            for n in range(2_000)
        ]
        async with market.store.begin() as transaction:
            await transaction.enter(some)
        count += len(some)
    return count / (time.perf_counter() - began)


def main() -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure("SQLite", f"sqlite:///{folder}/exchange.db"))
    with server() as url:
        asyncio.run(measure("PostgreSQL", url))


if __name__ == "__main__":
    main()
