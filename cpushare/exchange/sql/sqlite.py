"""A store in an SQLite file: a write-ahead log, synced to the disk before anybody is answered.

SQLite admits one writer, so transactions take turns, and those that wait for their turn share one
commit, and its sync: each is a savepoint, undone alone if it fails. Statements run right here, in
microseconds, since handing each to another thread costs more; commits and great batches, which
wait for the disk, run in a thread.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import chain
from pathlib import Path

from cpushare.exchange.sql.books import SqlBooks
from cpushare.exchange.sql.link import Forgetting
from cpushare.exchange.sql.rows import Row
from cpushare.exchange.sql.statements import TOGETHER, Find, Finding, Query, Write
from cpushare.exchange.sql.transaction import SqlTransaction
from cpushare.exchange.store import Contended
from cpushare.market.errors import BadMessage, Unreachable

BUSY_S = 30.0
"""How long another process may write."""
FEW = 8
"""Keys that are asked for one by one."""
AT_ONCE = 64
"""Transactions in one commit, at most."""
GREAT = 2_000
"""Rows that are worth a thread."""
SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 0",  # waiting is done by whoever asks, without blocking the others
    "PRAGMA cache_size = -65536",
    "PRAGMA temp_store = MEMORY",
)


@contextmanager
def translated() -> Iterator[None]:
    """SQLite's errors in the market's words."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Contended("the database is locked") from error
        raise Unreachable(f"the exchange's database: {error}") from error
    except sqlite3.IntegrityError as error:  # a number that was drawn twice, say
        raise Contended(str(error)) from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise BadMessage(f"a value has no place in the database: {error}") from None


def connect(path: Path) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time. Raises `Unreachable`."""
    with translated():
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute("PRAGMA busy_timeout = 30000")
        for setting in SETTINGS:
            connection.execute(setting)
    return connection


class SqliteLink:
    """A `Link` to the connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def fetch(self, query: Query, *values: object) -> Sequence[Row]:
        """Execute it."""
        with translated():
            return self._connection.execute(query.sqlite, values).fetchall()

    async def find(self, lookup: Finding, keys: Sequence[Sequence[object]]) -> Sequence[Row]:
        """Execute it for each key."""
        if len(keys) > GREAT:
            return await asyncio.to_thread(self._find, lookup, keys)
        return self._find(lookup, keys)

    def _find(self, lookup: Finding, keys: Sequence[Sequence[object]]) -> list[Row]:
        execute = self._connection.execute
        rest = len(keys) % TOGETHER
        alone = rest if rest < FEW else 0
        if not lookup.sqlite_many:
            alone = len(keys)
        found: list[Row] = []
        with translated():
            for key in keys[:alone]:
                found += execute(lookup.sqlite, key)
            for start in range(alone, len(keys), TOGETHER):
                some = list(chain.from_iterable(keys[start : start + TOGETHER]))
                some += [None] * (TOGETHER * lookup.width - len(some))  # equal to nothing
                found += execute(lookup.sqlite_many, some)
        return found

    async def find_all(self, *finds: Find) -> Sequence[Sequence[Row]]:
        """One after the other."""
        return [await self.find(lookup, keys) for lookup, keys in finds]

    async def write(self, writes: Sequence[Write]) -> None:
        """Execute each for its rows."""
        if sum(len(rows) for _, rows in writes) > GREAT:
            await asyncio.to_thread(self._write, writes)
        else:
            self._write(writes)

    def _write(self, writes: Sequence[Write]) -> None:
        with translated():
            for statement, rows in writes:
                if rows:
                    self._connection.executemany(statement.sqlite, rows)


class SqliteStore:
    """A `Store` in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = connect(path)
        self._link = SqliteLink(self._connection)
        self._forgetting = Forgetting()
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._together = 0
        self._committed: asyncio.Future[None] | None = None
        self._last: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlTransaction]:
        """A transaction, which is on the disk when this ends."""
        self._waiting += 1
        try:
            await self._turn.acquire()
        except BaseException:
            self._last = asyncio.ensure_future(self._leave())
            raise
        finally:
            self._waiting -= 1
        try:
            committed = await self._join()
            try:
                with self._savepoint():
                    yield SqlTransaction(self._link, self._forgetting)
            finally:
                is_undone = not self._connection.in_transaction  # a full disk does that
                if is_undone or not self._waiting or self._together >= AT_ONCE:
                    await asyncio.shield(self._commit(committed))
        finally:
            self._turn.release()
        await asyncio.shield(committed)

    async def _leave(self) -> None:
        """Whoever gives up waiting may have been the one on whom the commit was left."""
        async with self._turn:
            if self._committed is not None and not self._waiting:
                await self._commit(self._committed)

    async def _join(self) -> asyncio.Future[None]:
        """Take part in the database's transaction under way, or begin one."""
        if self._committed is None:
            end = time.monotonic() + BUSY_S
            while True:
                try:
                    with translated():
                        self._connection.execute("BEGIN IMMEDIATE")
                    break
                except Contended:
                    if time.monotonic() > end:
                        raise
                    await asyncio.sleep(random.uniform(0.0005, 0.003))
            self._committed = asyncio.get_running_loop().create_future()
            self._together = 0
        self._together += 1
        return self._committed

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        execute = self._connection.execute
        execute("SAVEPOINT own")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a full disk ends it by itself
                execute("ROLLBACK TO own")
                execute("RELEASE own")
            raise
        with translated():
            execute("RELEASE own")

    async def _commit(self, committed: asyncio.Future[None]) -> None:
        """End the database's transaction, and tell those who took part."""
        self._committed = None
        try:
            with translated():
                await asyncio.to_thread(self._connection.execute, "COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            committed.set_exception(error)
            committed.exception()  # whoever took part gets it; there may be nobody left
        else:
            committed.set_result(None)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlBooks]:
        """The books as they are now, while others write on."""
        connection = connect(self._path)
        try:
            connection.execute("BEGIN")
            yield SqlBooks(SqliteLink(connection))
        finally:
            connection.close()

    async def close(self) -> None:
        """Close the file."""
        async with self._turn:
            self._connection.close()
