"""Backup and restore, and an audit that notices what was changed behind the exchange's back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from cpushare.exchange.books import audit
from cpushare.exchange.sql import copies, migrate, open_store
from cpushare.exchange.sql.migrate import on_connection
from cpushare.exchange.sweep import sweep
from cpushare.market.errors import Conflict, Missing, Unreachable
from cpushare.market.trust import TrustPolicy
from tests.market.conftest import emptied
from tests.market.trading import Market, until_quiet


async def trade(url: str) -> None:
    """A job that is done and paid, and one that is not."""
    await migrate(url)
    store = await open_store(url)
    market = Market(store, policy=TrustPolicy(probation=0, share=0.0))
    await market.upload()
    await market.mint("buyer", 1 << 50)
    await market.enrol("checker", "exchange")
    await market.enrol("worker", "seller")
    for first in (0, 20):
        await market.submit("buyer", market.order(20, first))
        for _ in range(3 if not first else 0):
            await until_quiet(market, ["worker"])
            market.clock += 5
            await until_quiet(market, ["checker"])
    await sweep(market.world)
    states = [job.state for job in await market.jobs.list(market.signed("buyer"))]
    assert states == ["running", "done"]
    await store.close()


async def audited(url: str) -> tuple[list[str], list[int]]:
    store = await open_store(url)
    found = await audit(store)
    async with store.reading() as books:
        amounts = [transfer.amount async for transfer in books.every_transfer()]
    await store.close()
    return found, amounts


def test_what_is_restored_is_what_was(database: str, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    asyncio.run(trade(database))
    found, amounts = asyncio.run(audited(database))
    assert (found, len(amounts) > 20) == ([], True)
    asyncio.run(copies.backup(database, target))
    with pytest.raises(Conflict, match="does not overwrite"):
        asyncio.run(copies.backup(database, target))
    if database.startswith("sqlite"):
        with pytest.raises(Conflict, match="is there already"):
            asyncio.run(copies.restore(database, target))
        other = f"sqlite:///{tmp_path}/other.db"
    else:
        with pytest.raises(Unreachable, match="already exists"):
            asyncio.run(copies.restore(database, target))
        other = emptied(database)
    asyncio.run(copies.restore(other, target))
    assert asyncio.run(audited(other)) == ([], amounts)


def test_no_backup_and_no_program(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Missing, match="there is no backup"):
        asyncio.run(copies.restore(database, tmp_path / "none"))
    monkeypatch.setattr(copies, "PROGRAMS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match="apt install postgresql-client"):
        copies.program("pg_dump")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE balances SET credits = credits + 1 WHERE account > 2", "its transfers say"),
        ("UPDATE executions SET pay = pay + 1 WHERE stage = 3", "was not paid what it earned"),
        ("UPDATE executions SET stage = 4 WHERE stage = 3", "transfers paid for one"),
        ("UPDATE executions SET stage = 3 WHERE stage = 0", "no transfer paid for it"),
        ("UPDATE jobs SET state = 'done'", "has ended and still holds"),
    ],
)
def test_an_audit_notices(database: str, change: str, says: str) -> None:
    asyncio.run(trade(database))

    def meddle(connection: Connection) -> None:
        connection.execute(text(change))
        connection.commit()

    asyncio.run(on_connection(database, meddle))
    found, _ = asyncio.run(audited(database))
    assert any(says in sentence for sentence in found), found
