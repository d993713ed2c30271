"""The market's rows in SQLite or PostgreSQL 15 or newer: a `cpushare.exchange.store.Store`.

    await migrate(url)               make the tables, or bring them up to date
    store = await open_store(url)    "sqlite:////var/lib/cpushare/exchange.db", "postgresql://…"

Raises `Unreachable` where there is no database, `Conflict` for one of another version.
"""

from __future__ import annotations

from pathlib import Path

from cpushare.exchange.sql.migrate import check_version, migrate, sqlite_path
from cpushare.exchange.store import Store

__all__ = ["migrate", "open_store"]


async def open_store(url: str) -> Store:
    """A store of this address, whose tables are there and up to date."""
    await check_version(url)
    path: Path | None = sqlite_path(url)
    if path is not None:
        from cpushare.exchange.sql.sqlite import SqliteStore

        return SqliteStore(path)
    from cpushare.exchange.sql.postgres import PostgresStore

    return await PostgresStore.open(url)
