"""The store on SQLite and on PostgreSQL: tables, guards, and several front ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from cpushare.exchange.books import audit
from cpushare.exchange.sql import migrate, open_store, statements
from cpushare.exchange.sql.migrate import on_connection
from cpushare.exchange.sql.postgres import SETTINGS
from cpushare.exchange.sql.schema import metadata
from cpushare.exchange.sql.sqlite import SqliteStore
from cpushare.exchange.sql.statements import Change, Lookup, Query
from cpushare.exchange.store import USER, Store, again
from cpushare.exchange.sweep import sweep
from cpushare.market.desk import Desk
from cpushare.market.errors import BadMessage, BadSignature, Conflict, TooMuch, Unreachable
from tests.market.conftest import emptied
from tests.market.trading import Market, front_ends, until_quiet


@contextlib.asynccontextmanager
async def opened(url: str, count: int = 1) -> AsyncIterator[list[Store]]:
    await migrate(url)
    stores = [await open_store(url) for _ in range(count)]
    try:
        yield stores
    finally:
        for store in stores:
            await store.close()


def run(what: Coroutine[Any, Any, None]) -> None:
    asyncio.run(what)


def parts(statement: str) -> list[str]:
    """Of a table, in an order of their own: constraints stand in any."""
    return sorted(re.split(r",(?=CONSTRAINT)", "".join(statement.split()).removesuffix(")")))


def described(connection: Connection) -> list[Any]:
    """All that a database says about its tables."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(text("SELECT name, sql FROM sqlite_master ORDER BY name"))
        return [(row[0], parts(str(row[1]))) for row in found if "alembic" not in row[0]]
    queries = (
        "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, is_identity "
        "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 3",
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace ORDER BY 1",
        "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
        "SELECT prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    )
    rows = [tuple(row) for query in queries for row in connection.execute(text(query))]
    return [row for row in rows if "alembic" not in str(row)]


def test_migrations_give_the_schema(database: str) -> None:
    async def scenario() -> None:
        await migrate(database)
        await migrate(database)  # again: nothing to do

        def compare(connection: Connection) -> None:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
            migrated = described(connection)
            connection.rollback()
            for table in reversed(metadata.sorted_tables):
                table.drop(connection)
            if connection.dialect.name == "postgresql":
                connection.execute(text("DROP FUNCTION only_added_to"))
            metadata.create_all(connection)
            assert described(connection) == migrated
            assert len(migrated) > 30

        await on_connection(database, compare)

    run(scenario())


def test_a_database_of_another_version_is_refused(database: str) -> None:
    def newer(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()

    async def scenario() -> None:
        if database.startswith("sqlite"):
            with pytest.raises(Unreachable, match="there is no database"):
                await open_store(database)
        else:
            with pytest.raises(Conflict, match="is empty"):
                await open_store(database)
        await migrate(database)
        await on_connection(database, newer)
        for attempt in (open_store(database), migrate(database)):
            with pytest.raises(Conflict, match="of version 9999, which is newer"):
                await attempt

    run(scenario())


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "exchange.db", ""])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(BadMessage, match="a database's address is"):
        run(migrate(url))


def test_no_server_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        run(migrate("postgresql://nobody@127.0.0.1:1/none"))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE transfers SET amount = 1",
        "DELETE FROM transfers",
        "UPDATE accounts SET name = 'me'",
        "DELETE FROM accounts",
        "UPDATE balances SET debits = credits + 1 WHERE NOT may_owe",
    ],
)
def test_the_books_cannot_be_rewritten(database: str, change: str) -> None:
    async def scenario() -> None:
        async with opened(database) as (store,):
            market = Market(store)
            await market.mint("buyer", 5_000_000)

        def rewrite(connection: Connection) -> None:
            with pytest.raises(DBAPIError, match=r"only added to|nobody_owes"):
                connection.execute(text(change))

        await on_connection(database, rewrite)

    run(scenario())


def test_what_fails_leaves_nothing(database: str) -> None:
    async def scenario() -> None:
        async with opened(database) as (store,):

            async def fail() -> None:
                async with store.begin() as transaction:
                    await transaction.account(USER, "gone")
                    raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await fail()
            async with store.begin() as transaction:
                assert await transaction.find_account(USER, "gone") is None

    run(scenario())


def test_whoever_gives_up_waiting_holds_up_nobody(database: str) -> None:
    async def scenario() -> None:
        async with opened(database) as (store,):
            inside, go_on = asyncio.Event(), asyncio.Event()

            async def first() -> None:
                async with store.begin() as transaction:
                    await transaction.account(USER, "first")
                    inside.set()
                    await go_on.wait()

            async def second() -> None:
                async with store.begin() as transaction:
                    await transaction.account(USER, "second")

            one = asyncio.create_task(first())
            await inside.wait()
            two = asyncio.create_task(second())
            await asyncio.sleep(0)
            go_on.set()
            await asyncio.sleep(0)  # the first is done, and leaves its commit to the second
            two.cancel()
            await asyncio.wait_for(one, 10)
            await asyncio.gather(two, return_exceptions=True)
            async with store.begin() as transaction:
                assert await transaction.find_account(USER, "first") is not None

    run(scenario())


def test_who_comes_after_a_full_disk_is_served(tmp_path: Path) -> None:
    """A full disk may undo SQLite's whole transaction: nobody goes on in what is left of it."""

    async def scenario() -> None:
        async with opened(f"sqlite:///{tmp_path}/exchange.db") as (store,):
            assert isinstance(store, SqliteStore)

            async def add(name: str, is_full: bool = False) -> None:
                async with store.begin() as transaction:
                    await transaction.account(USER, name)
                    await asyncio.sleep(0)  # so that the others wait for their turn
                    if is_full:
                        store._connection.execute("ROLLBACK")  # as SQLite does it then
                        raise Unreachable("the disk is full")

            names = ("before", "full", "after", "last")
            said = await asyncio.gather(
                *(add(name, name == "full") for name in names), return_exceptions=True
            )
            async with store.begin() as transaction:
                kept = [await transaction.find_account(USER, name) for name in names]
            assert [each is None for each in said] == [False, False, True, True]
            assert [each is not None for each in kept] == [False, False, True, True]

    run(scenario())


def test_a_request_is_served_once(database: str) -> None:
    async def scenario() -> None:
        async with opened(database, 2) as stores:
            signed = Market(stores[0]).signed("buyer")
            markets = [Market(stores[n % 2]) for n in range(6)]
            answers = await asyncio.gather(
                *(market.jobs.balance(signed) for market in markets), return_exceptions=True
            )
            refused = [each for each in answers if isinstance(each, BadSignature)]
            assert len(refused) == 5

    run(scenario())


def test_racing_orders_cannot_overspend(database: str) -> None:
    async def scenario() -> None:
        async with opened(database, 2) as stores:
            markets = front_ends(stores)
            await markets[0].upload()
            one = (await _priced(markets[0])).reserved
            await markets[0].mint("poor", 2 * one + 1)
            orders = [
                markets[n % 2].submit("poor", markets[0].order(3, nonce=str(n))) for n in range(8)
            ]
            got = await asyncio.gather(*orders, return_exceptions=True)
            assert sum(not isinstance(each, BaseException) for each in got) == 2
            assert sum(isinstance(each, TooMuch) for each in got) == 6
            assert await audit(stores[1]) == []

    run(scenario())


async def _priced(market: Market) -> Any:
    await market.mint("rich", 1 << 50)
    return await market.submit("rich", market.order(3))


def test_two_front_ends_lease_nothing_twice(database: str) -> None:
    async def scenario() -> None:
        async with opened(database, 2) as stores:
            markets = front_ends(stores)
            await markets[0].upload()
            await markets[0].mint("buyer", 1 << 50)
            job = await markets[0].submit("buyer", markets[0].order(300))
            names = [f"worker {n}" for n in range(8)]
            for n, name in enumerate(names):
                await markets[0].enrol(name, f"account {n % 3}")
            got = await asyncio.gather(
                *(markets[n % 2].work(name, [], 16) for n, name in enumerate(names))
            )
            leases = [lease.id for answer in got for lease in answer.leases]
            assert len(leases) == len(set(leases)) == 8 * 16
            await markets[0].enrol("checker", "exchange")
            for answer, name in zip(got, names, strict=True):
                await markets[0].work(name, answer.leases, 0)
            for _ in range(4):
                halves = (until_quiet(m, names[i::2], 16) for i, m in enumerate(markets))
                await asyncio.gather(*halves)
                for market in markets:
                    market.clock += 5
                await until_quiet(markets[0], ["checker"])
            await asyncio.gather(*(sweep(market.world) for market in markets))
            status = await markets[1].jobs.status(markets[1].signed("buyer"), job.job)
            assert (status.state, status.final) == ("done", 300)
            assert await audit(stores[0]) == []

    run(scenario())


def test_deadlocks_are_survived(postgres: str, database: str) -> None:
    if database.startswith("sqlite"):
        return  # one writer: no two wait for each other

    async def scenario() -> None:
        async with opened(database, 2) as stores:
            markets = front_ends(stores)
            await markets[0].upload()
            await markets[0].mint("buyer", 1 << 50)
            jobs = [await markets[0].submit("buyer", markets[0].order(2, n * 2)) for n in (0, 1)]
            both = asyncio.Barrier(2)
            tries = 0

            @again
            async def lay(store: Store, first: int, second: int) -> None:
                nonlocal tries
                tries += 1
                is_first = tries <= 2
                async with store.begin() as transaction:
                    await transaction.lay_job(Desk(), first)
                    if is_first:
                        await both.wait()
                    await transaction.lay_job(Desk(), second)

            await asyncio.gather(lay(stores[0], 1, 2), lay(stores[1], 2, 1))
            assert tries == 3
            assert len(jobs) == 2

    run(scenario())


WHOLE = {"JOB_COUNTS", "WORKER_COUNTS"}
"""Statements that count the rows of a whole table."""


def test_plans_that_are_made_for_empty_tables_use_indexes(postgres: str) -> None:
    """Statements are planned once, maybe before there are rows; a plan that reads a table whole for
    each key took half a minute to submit a job, later.
    """

    url = emptied(postgres)

    async def scenario() -> None:
        await migrate(url)
        connection = await asyncpg.connect(url, server_settings=SETTINGS)
        try:
            found = {
                name: each.postgres(1) if isinstance(each, Change) else each.postgres
                for name, each in vars(statements).items()
                if isinstance(each, Lookup | Change | Query)
            }
            assert len(found) > 40
            for name, statement in found.items():
                if statement.startswith("INSERT") or name in WHOLE:
                    continue
                await connection.execute(f"PREPARE {name} AS {statement}")
                prepared = await connection.prepare(statement)
                nothing = ", ".join(["NULL"] * len(prepared.get_parameters()))
                rows = await connection.fetch(f"EXPLAIN EXECUTE {name}{nothing and f'({nothing})'}")
                plan = "\n".join(row[0] for row in rows)
                assert "Join Filter" not in plan, plan
                assert "Seq Scan" not in plan, plan
        finally:
            await connection.close()

    run(scenario())
