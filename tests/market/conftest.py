"""Stores to test: dictionaries, SQLite in a file, PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.market.postgres import server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of our own."""
    with server() as url:
        yield url


def emptied(url: str) -> str:
    """The address of a server's database, with nothing in it any more."""

    async def empty() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(
            "DROP SCHEMA IF EXISTS public CASCADE; "
            "CREATE SCHEMA public AUTHORIZATION pg_database_owner; "
            "COMMENT ON SCHEMA public IS 'standard public schema'"  # as in a new database
        )
        await connection.close()

    asyncio.run(empty())
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/exchange.db"
    return emptied(request.getfixturevalue("postgres"))
