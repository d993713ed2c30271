"""Versions of the tables: Alembic's steps in `migrations/`, which make exactly `schema.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from cpushare.market.errors import BadMessage, Conflict, Unreachable

R = TypeVar("R")
ONE_AT_A_TIME = 0x43505553
"""The lock that two front ends which start at once would both take: "CPUS"."""


def sqlite_path(url: str) -> Path | None:
    """The file of an address sqlite:///…, None for PostgreSQL's. Raises `BadMessage`."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is not None and parsed.drivername in ("postgresql", "postgres"):
        return None
    if parsed is None or parsed.drivername != "sqlite" or not parsed.database:
        raise BadMessage(
            "a database's address is sqlite:////the/file or postgresql://user@host/name, "
            f"not '{url[:100]}'"
        )
    return Path(parsed.database)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "cpushare.exchange.sql:migrations")
    return config


async def migrate(url: str) -> None:
    """Make the tables, or bring them up to date.

    Raises `Conflict` for those of a newer version, `Unreachable`.
    """

    def upgrade(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})")
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        _check_known(url, _version(connection))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()

    await on_connection(url, upgrade)


async def check_version(url: str) -> None:
    """Raises `Conflict` unless the tables are there and of this program's version."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise Unreachable(f"there is no database {path}: 'cpushare exchange init' makes one")
    version = await on_connection(url, _version)
    _check_known(url, version)
    if version != ScriptDirectory.from_config(_config()).get_current_head():
        raise Conflict(
            f"the database {_shown(url)} is {f'of version {version}' if version else 'empty'}: "
            "bring its tables up to date first ('cpushare exchange init')"
        )


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _check_known(url: str, version: str | None) -> None:
    known = {each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()}
    if version is not None and version not in known:
        raise Conflict(
            f"the database {_shown(url)} is of version {version}, which is newer than this "
            "program: install the cpushare that made it"
        )


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


async def on_connection(url: str, function: Callable[[Connection], R]) -> R:
    """Call a function with SQLAlchemy's connection to a database."""
    try:
        if sqlite_path(url) is None:
            parsed = make_url(url).set(drivername="postgresql+asyncpg")
            engine = create_async_engine(parsed, poolclass=NullPool)
            async with engine.connect() as connection:
                return await connection.run_sync(function)
        return await asyncio.to_thread(_on_sqlite, url, function)
    except (OSError, DBAPIError) as error:
        reason = str(getattr(error, "orig", error))
        raise Unreachable(f"the database {_shown(url)}: {reason[:300]}") from error


def _on_sqlite(url: str, function: Callable[[Connection], R]) -> R:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return function(connection)
