"""A store in PostgreSQL 15 or newer, which several front ends share.

Read committed, row locks, and the database's own refusals: what another transaction did in between
is noticed by a unique index or a check, and the request is begun again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any

import asyncpg

from cpushare.exchange.sql.books import SqlBooks
from cpushare.exchange.sql.link import Forgetting
from cpushare.exchange.sql.rows import Row
from cpushare.exchange.sql.statements import Change, Find, Finding, Insert, Lookup, Query, Write
from cpushare.exchange.sql.transaction import SqlTransaction
from cpushare.exchange.store import Contended
from cpushare.market.errors import BadMessage, Unreachable

CONNECTIONS = 8
"""Of one front end, at most. Two processors do not get faster by more."""
SETTINGS = {
    "application_name": "cpushare exchange",
    # Plans are made once, when tables may still be empty: they shall use indexes whatever happens.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "enable_material": "off",
    "jit": "off",
    "deadlock_timeout": "50ms",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
}
_CONTENDED = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.UniqueViolationError,
    asyncpg.CheckViolationError,
)
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
)


@contextmanager
def translated() -> Iterator[None]:
    """PostgreSQL's errors in the market's words."""
    try:
        yield
    except _CONTENDED as error:
        raise Contended(str(error)) from error
    except (asyncpg.CharacterNotInRepertoireError, asyncpg.DataError) as error:
        raise BadMessage(f"a value has no place in the database: {error}") from None
    except _AWAY as error:
        raise Unreachable(f"the exchange's database: {error}") from error


class PostgresLink:
    """A `Link` to a connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, query: Query, *values: object) -> Sequence[Row]:
        """Execute it."""
        with translated():
            found: Sequence[Row] = await self._connection.fetch(query.postgres, *values)
            return found

    async def find(self, lookup: Finding, keys: Sequence[Sequence[object]]) -> Sequence[Row]:
        """Execute it for all keys."""
        if not keys:
            return ()
        with translated():
            arrays = zip(*keys, strict=True)
            found: Sequence[Row] = await self._connection.fetch(lookup.postgres, *arrays)
            return found

    async def find_all(self, *finds: Find) -> Sequence[Sequence[Row]]:
        """All in one statement, which is one round trip."""
        arrays: list[Sequence[object]] = []
        for lookup, keys in finds:
            arrays += zip(*keys, strict=True) if keys else [()] * lookup.width
        with translated():
            found: Sequence[Sequence[Row]] = await self._connection.fetchrow(
                packed(tuple(lookup for lookup, _ in finds)), *arrays
            )
            return found

    async def write(self, writes: Sequence[Write]) -> None:
        """All in one statement, which is made once for each choice of parts."""
        parts = [(statement, rows) for statement, rows in writes if rows]
        if parts:
            arrays = [array for _, rows in parts for array in zip(*rows, strict=True)]
            with translated():
                await self._connection.fetch(joined([each for each, _ in parts]), *arrays)


@cache
def packed(lookups: tuple[Lookup, ...]) -> str:
    """One statement that gives the rows of each of these."""
    first, parts = 1, []
    for lookup in lookups:
        parts.append(lookup.packed(first))
        first += lookup.width
    return f"SELECT {', '.join(parts)}"


_joined: dict[tuple[Insert | Change, ...], str] = {}


def joined(statements: Sequence[Insert | Change]) -> str:
    """One statement that does all of these."""
    key = tuple(statements)
    if key not in _joined:
        first, parts = 1, []
        for statement in statements:
            parts.append(statement.postgres(first))
            first += statement.width
        *others, last = parts
        head = ", ".join(f"w{n} AS ({part} RETURNING 1)" for n, part in enumerate(others))
        _joined[key] = f"WITH {head} {last}" if head else last
    return _joined[key]


class PostgresStore:
    """A `Store` in a database."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._forgetting = Forgetting()

    @staticmethod
    async def open(url: str) -> PostgresStore:
        """Connect. Raises `Unreachable`."""
        with translated():
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=CONNECTIONS,
                statement_cache_size=512,
                max_cached_statement_lifetime=0,
                command_timeout=120,
                server_settings=SETTINGS,
                reset=_nothing_to_reset,
            )
        return PostgresStore(pool)

    @asynccontextmanager
    async def _within(self, begin: str) -> AsyncIterator[PostgresLink]:
        with translated():
            connection = await self._pool.acquire()
        try:
            with translated():
                await connection.execute(begin)
            try:
                yield PostgresLink(connection)
            except BaseException:
                await asyncio.shield(_roll_back(connection))
                raise
            with translated():
                await connection.execute("COMMIT")
        finally:
            await asyncio.shield(self._pool.release(connection))

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlTransaction]:
        """A transaction, which is on the disk when this ends."""
        async with self._within("BEGIN") as link:
            yield SqlTransaction(link, self._forgetting)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlBooks]:
        """The books as they are now, while others write on."""
        async with self._within("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as link:
            yield SqlBooks(link)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()


async def _nothing_to_reset(connection: Any) -> None:
    """Transactions leave nothing behind: asyncpg's own way would be one round trip more."""


async def _roll_back(connection: Any) -> None:
    """End a transaction; a connection that cannot even do this is not used again."""
    try:
        await connection.execute("ROLLBACK")
    except (*_AWAY, asyncpg.PostgresError):
        connection.terminate()
