"""What is asked of the database and written to it, in the words of SQLite and of PostgreSQL.

SQL is written out here, once, and prepared once on each connection: what a request costs is the
number of round trips, so each statement takes many rows. PostgreSQL is handed arrays (`unnest`);
SQLite, which is in the process, is asked once for each key, or for some dozens of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from cpushare.exchange.sql import schema
from cpushare.market.states import Purpose, Stage, TaskStage

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
LOCK = "FOR NO KEY UPDATE"
"""Of rows that will change: those that refer to them need not wait."""
TOGETHER = 32
"""Keys that SQLite is asked for at once."""


def columns_of(table: Table, prefix: str = "", first: int = 0) -> str:
    """A table's columns from a number on, as a list to select."""
    return ", ".join(prefix + column.name for column in list(table.columns)[first:])


def _type_of(table: Table, column: str) -> str:
    name = table.columns[column].type.compile(_DIALECT)
    return {"BIGSERIAL": "BIGINT"}.get(name, name)


class Query:
    """A statement with parameters $1, $2 …; `lock` is what PostgreSQL adds, and SQLite has not."""

    def __init__(self, text: str, lock: str = "") -> None:
        self.postgres = f"{text} {lock}".strip()
        self.sqlite = text.replace("$", "?")


class Lookup:
    """Rows by their keys, for many keys at once: `SELECT columns FROM table … WHERE key = …`.

    `keys` are columns of `table` as "alias.column"; `more` joins other tables, `where` narrows.
    """

    def __init__(
        self,
        columns: str,
        table: Table,
        keys: Sequence[str],
        more: str = "",
        where: str = "TRUE",
        order: str = "",
        lock: str = "",
    ) -> None:
        alias = keys[0].split(".")[0]
        order = f"ORDER BY {order}" if order else ""
        source = f"{table.name} AS {alias}"
        names = [f"k{n}" for n in range(1, len(keys) + 1)]
        self.width = len(keys)
        self._types = [_type_of(table, key.split(".")[1]) for key in keys]
        equal = " AND ".join(f"{key} = {name}" for key, name in zip(keys, names, strict=True))
        self._columns = columns
        self._names = ", ".join(names)
        self._key, self._from = keys[0], f"{source} {more}"
        self._join, self._end = f"JOIN {source} ON {equal} {more}", f"{where} {order} {lock}"
        self.postgres = f"SELECT {columns} {self._source(1)}"
        each = " AND ".join(f"{key} = ?{n}" for n, key in enumerate(keys, 1))
        self.sqlite = f"SELECT {columns} FROM {source} {more} WHERE {each} AND {where} {order}"
        marks = ", ".join([f"({', '.join('?' * self.width)})"] * TOGETHER)
        self.sqlite_many = (
            f"WITH k({self._names}) AS (VALUES {marks}) "
            f"SELECT {columns} FROM k CROSS JOIN {source} ON {equal} {more} WHERE {where}"
        )

    def packed(self, first: int) -> str:
        """All rows as one array, with parameters from number `first` on."""
        return f"ARRAY(SELECT ROW({self._columns}) {self._source(first)})"

    def _source(self, first: int) -> str:
        """From where on. One key column is compared with all keys at once: joined with them, tables
        that are empty when the plan is made would be read whole for each key.
        """
        if self.width == 1:
            keys = f"${first}::{self._types[0]}[]"
            return f"FROM {self._from} WHERE {self._key} = ANY({keys}) AND {self._end}"
        arrays = ", ".join(f"${first + n}::{name}[]" for n, name in enumerate(self._types))
        return f"FROM unnest({arrays}) AS k({self._names}) {self._join} WHERE {self._end}"


class Insert:
    """New rows; `conflict` is what follows ON CONFLICT."""

    def __init__(self, table: Table, columns: Sequence[str], conflict: str = "") -> None:
        names = ", ".join(columns)
        end = f" ON CONFLICT {conflict}" if conflict else ""
        self.width = len(columns)
        self._types = [_type_of(table, column) for column in columns]
        self._head, self._end = f"INSERT INTO {table.name} ({names})", end
        marks = ", ".join(f"?{n}" for n in range(1, self.width + 1))
        self.sqlite = f"{self._head} VALUES ({marks}){end}"

    def postgres(self, first: int) -> str:
        """The statement with parameters from number `first` on."""
        arrays = ", ".join(f"${first + n}::{name}[]" for n, name in enumerate(self._types))
        # Without WHERE, ON CONFLICT would be read as the ON of a join.
        return f"{self._head} SELECT * FROM unnest({arrays}) AS v WHERE TRUE{self._end}"


class Taking:
    """New rows, where there are none yet; gives a column of those that are new.

    It is found like a `Lookup`, whose keys are the rows.
    """

    sqlite_many = ""

    def __init__(self, table: Table, returning: str) -> None:
        names = [column.name for column in table.columns]
        insert = Insert(table, names, f"DO NOTHING RETURNING {returning}")
        self.width, self.sqlite, self.postgres = insert.width, insert.sqlite, insert.postgres(1)


class Change:
    """Changes of rows: `keys` find a row, `sets` says what becomes of it in terms of v.column.

    Rows that are not locked yet are locked in the order of their key, whatever plan is chosen.
    """

    def __init__(
        self, table: Table, keys: Sequence[str], sets: dict[str, str], *, is_locked: bool = False
    ) -> None:
        self._table, self._keys, self._sets = table.name, keys, sets
        self._columns = [*keys, *sets]
        self._types = [_type_of(table, column) for column in self._columns]
        self._is_locked = is_locked
        self.width = len(self._columns)
        places = {column: f"?{n}" for n, column in enumerate(self._columns, 1)}
        here = ", ".join(f"{column} = {value}" for column, value in sets.items())
        here = re.sub(r"\bv\.(\w+)", lambda found: places[found[1]], here)
        here = here.replace(f"{table.name}.", "").replace("GREATEST", "max")
        where = " AND ".join(f"{key} = {places[key]}" for key in keys)
        self.sqlite = f"UPDATE {table.name} SET {here} WHERE {where}"

    def postgres(self, first: int) -> str:
        """The statement with parameters from number `first` on."""
        arrays = ", ".join(f"${first + n}::{name}[]" for n, name in enumerate(self._types))
        sets = ", ".join(f"{column} = {value}" for column, value in self._sets.items())
        table, source = self._table, f"unnest({arrays}) AS v({', '.join(self._columns)})"
        where = " AND ".join(f"{table}.{key} = v.{key}" for key in self._keys)
        if not self._is_locked:
            (key,) = self._keys
            locked = f"SELECT {key} FROM {table} WHERE {key} = ANY(${first}) ORDER BY {key} {LOCK}"
            where += f" AND (SELECT COUNT(*) FROM ({locked}) AS l) >= 0"  # all, before the first
        return f"UPDATE {table} SET {sets} FROM {source} WHERE {where}"


Write = tuple[Insert | Change, Sequence[Sequence[object]]]
"""A statement and its rows."""
Finding = Lookup | Taking
Find = tuple[Lookup, Sequence[Sequence[object]]]
"""A lookup and its keys."""


def _upsert(table: Table, key: str, kept: Sequence[str]) -> Insert:
    names = [column.name for column in table.columns]
    sets = ", ".join(f"{name} = excluded.{name}" for name in names if name not in kept)
    return Insert(table, names, f"({key}) DO UPDATE SET {sets}")


def _add(table: Table, *columns: str) -> dict[str, str]:
    return {column: f"{table.name}.{column} + v.{column}" for column in columns}


E = columns_of(schema.executions, "e.")
E_WIDTH = len(schema.executions.columns)
T = columns_of(schema.tasks, "t.")
TRANSFER = columns_of(schema.transfers, first=1)

# Signatures, accounts, the ledger.

USE_NONCES = Taking(schema.nonces, "key")
FORGET_NONCES = Query("DELETE FROM nonces WHERE until < $1")
FIND_ACCOUNT = Query("SELECT id FROM accounts WHERE kind = $1 AND name = $2")
OPEN_ACCOUNT = Query(
    "INSERT INTO accounts (kind, name) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id"
)
OPEN_BALANCE = Insert(schema.balances, [c.name for c in schema.balances.columns])
BALANCES = Lookup("b.*", schema.balances, ["b.account"])
LOCKED_BALANCES = Lookup("b.*", schema.balances, ["b.account"], order="b.account", lock=LOCK)
TRANSFERS = Lookup(TRANSFER, schema.transfers, ["t.id"])
ENDED = Lookup("t.pending, t.id", schema.transfers, ["t.pending"])
ADD_TRANSFERS = Insert(schema.transfers, [c.name for c in schema.transfers.columns][1:])
ADD_TO_BALANCES = Change(
    schema.balances,
    ["account"],
    _add(schema.balances, "debits", "credits", "debits_pending", "credits_pending"),
)
HISTORY = Query(
    f"SELECT * FROM (SELECT number, {TRANSFER} FROM transfers "
    "WHERE debit = $1 AND number < $2 ORDER BY number DESC LIMIT $3) AS d UNION ALL "
    f"SELECT * FROM (SELECT number, {TRANSFER} FROM transfers "
    "WHERE credit = $1 AND number < $2 ORDER BY number DESC LIMIT $3) AS c "
    "ORDER BY 1 DESC LIMIT $3"
)

# Workers.

WORKERS = Lookup(columns_of(schema.workers, "w."), schema.workers, ["w.key"])
ADD_WORKER = Query(
    f"INSERT INTO workers ({columns_of(schema.workers, first=1)}) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id"
)
RENEW_WORKER = Query(
    "UPDATE workers SET min_price = $2, memory_bytes = $3, seen = $4, "
    "standing = CASE WHEN $5 = 'checker' THEN $5 ELSE standing END WHERE id = $1"
)
CHANGE_WORKERS = Change(
    schema.workers,
    ["id"],
    {
        "results": "workers.results + v.results",
        "checks_passed": "GREATEST(0, workers.checks_passed + v.checks_passed)",
        "seen": "GREATEST(workers.seen, v.seen)",
        "standing": "CASE WHEN workers.standing = 'caught' THEN workers.standing "
        "ELSE COALESCE(v.standing, workers.standing) END",
    },
)
"""Counts change by differences; whoever has been caught stays caught, whatever is under way."""

# Tasks and executions.

TASKS = Lookup(T, schema.tasks, ["t.job", "t.item"], order="t.job, t.item", lock=LOCK)
TASKS_OF_LEASES = Lookup(
    T,
    schema.executions,
    ["x.id"],
    "JOIN tasks AS t ON t.job = x.job AND t.item = x.item",
    order="t.job, t.item",
    lock=f"{LOCK} OF t",
)
EXECUTIONS = Lookup(
    f"{E}, {columns_of(schema.workers, 'w.')}",
    schema.executions,
    ["e.job", "e.item"],
    "LEFT JOIN workers AS w ON w.id = e.worker",
    order="e.id",
    lock=f"{LOCK} OF e",
)
OF_WORKER = Query(
    f"SELECT job, item FROM executions WHERE stage = {Stage.LEASED:d} AND worker = $1 UNION ALL "
    f"SELECT job, item FROM executions WHERE stage = {Stage.HELD:d} AND worker = $1"
)
_LEASED = f"e.stage = {Stage.LEASED:d}"
LEASED_IDS = Lookup("e.id", schema.executions, ["e.worker"], where=_LEASED)
LEASED = Lookup(E, schema.executions, ["e.worker"], where=_LEASED, order="e.id", lock=LOCK)
_BEST = "ORDER BY price DESC, job, purpose, item LIMIT"
WAITING = Query(
    f"SELECT {E} FROM executions AS e WHERE stage = {Stage.WAITING:d} AND NOT for_checker "
    "AND price >= $1 AND memory_bytes <= $2 AND avoid_worker <> $3 AND avoid_account <> $4 "
    f"{_BEST} $5",
    f"{LOCK} SKIP LOCKED",
)
FOR_CHECKER = Query(
    f"SELECT {E} FROM executions AS e WHERE stage = {Stage.WAITING:d} AND for_checker "
    f"AND avoid_worker <> $1 {_BEST} $2",
    f"{LOCK} SKIP LOCKED",
)
LATE_CHECKS = Query(
    f"SELECT {E} FROM executions AS e WHERE stage = {Stage.WAITING:d} AND NOT for_checker "
    f"AND purpose = {Purpose.CHECK:d} AND since <= $3 AND avoid_worker <> $1 {_BEST} $2",
    f"{LOCK} SKIP LOCKED",
)
NEWEST_WAITING = Query(
    f"SELECT COALESCE(MAX(since), 0) FROM executions WHERE stage = {Stage.WAITING:d}"
)
E_FIXED = 7
"""The first columns of an execution do not change: id, job, item, purpose, price, units, memory."""
ADD_EXECUTIONS = Insert(schema.executions, [c.name for c in schema.executions.columns])
CHANGE_EXECUTIONS = Change(
    schema.executions,
    ["id"],
    {c.name: f"v.{c.name}" for c in list(schema.executions.columns)[E_FIXED:]},
    is_locked=True,
)
CHANGE_STAGES = Change(
    schema.executions,
    ["id"],
    {name: f"v.{name}" for name in ("stage", "deadline", "outcome", "since")},
    is_locked=True,
)
"""What an answer changes, and pay: nothing that other tables or most indexes have to do with."""
T_FIXED = 3
"""The first columns of a task do not change: job, item, work."""
ADD_TASKS = Insert(schema.tasks, [c.name for c in schema.tasks.columns])
CHANGE_TASKS = Change(
    schema.tasks,
    ["job", "item"],
    {c.name: f"v.{c.name}" for c in list(schema.tasks.columns)[T_FIXED:]},
    is_locked=True,
)

# Jobs.

JOBS = Lookup(columns_of(schema.jobs, "j."), schema.jobs, ["j.id"])
_JOB = f"SELECT {columns_of(schema.jobs)} FROM jobs"
LOCKED_JOB = Query(f"{_JOB} WHERE id = $1", LOCK)
JOB = Query(f"{_JOB} WHERE hash = $1")
LIVE_JOBS = Query(f"{_JOB} WHERE state IN ('running', 'stopping') ORDER BY id")
ALL_JOBS = Query(f"{_JOB} ORDER BY id DESC LIMIT $1")
PUBLIC_JOBS = Query(f"{_JOB} WHERE is_public ORDER BY id DESC LIMIT $1")
JOBS_OF = Query(f"{_JOB} WHERE buyer = $2 ORDER BY id DESC LIMIT $1")
PUBLIC_JOBS_OF = Query(f"{_JOB} WHERE is_public AND buyer = $2 ORDER BY id DESC LIMIT $1")
ADD_JOB = Query(
    f"INSERT INTO jobs ({columns_of(schema.jobs, first=1)}) VALUES "
    f"({', '.join(f'${n}' for n in range(1, len(schema.jobs.columns)))}) "
    "ON CONFLICT (hash) DO NOTHING RETURNING id"
)
ADD_TALLY = Insert(schema.tallies, [c.name for c in schema.tallies.columns])
TALLY = Query("SELECT * FROM tallies WHERE job = $1")
ADD_TO_TALLIES = Change(
    schema.tallies, ["job"], _add(schema.tallies, *[c.name for c in schema.tallies.columns][1:])
)
CHANGE_JOBS = Change(
    schema.jobs,
    ["id"],
    _add(schema.jobs, "checks_left")
    | {name: f"COALESCE(v.{name}, jobs.{name})" for name in ("state", "ending", "ended", "closes")},
)
"""What a job has left changes by differences; its state only where it is given."""
CHANGES = Query(
    f"SELECT {T} FROM tasks AS t WHERE job = $1 AND changed > 0 AND changed > $2 "
    "ORDER BY changed, item LIMIT $3"
)
CHANGES_AT = Query(
    f"SELECT {T} FROM tasks AS t WHERE job = $1 AND changed > 0 AND changed = $2 AND item > $3 "
    "ORDER BY item"
)
TASK_PAGE = Query(
    f"SELECT {T} FROM tasks AS t WHERE job = $1 AND item >= $2 ORDER BY item LIMIT $3"
)
OUTCOMES = Lookup(
    "t.work, t.outcome", schema.tasks, ["t.work"], where=f"t.stage = {TaskStage.FINAL:d}"
)

# The whole exchange in numbers.

JOB_COUNTS = Query("SELECT state, is_public, COUNT(*) FROM jobs GROUP BY state, is_public")
WORKER_COUNTS = Query(
    "SELECT standing, COUNT(*), SUM(CASE WHEN seen > $1 THEN 1 ELSE 0 END), MAX(seen) "
    "FROM workers GROUP BY standing"
)
LIVE_COUNTS = Query(
    "SELECT COALESCE(SUM(t.busy), 0), COALESCE(SUM(t.held), 0) FROM tallies AS t "
    "JOIN jobs AS j ON j.id = t.job WHERE j.state IN ('running', 'stopping')"
)
LEASED_COUNT = Query(f"SELECT COUNT(*) FROM executions WHERE stage = {Stage.LEASED:d}")
CHECKER_COUNT = Query(
    "SELECT COUNT(*), COALESCE(MIN(since), 0) FROM executions "
    f"WHERE stage = {Stage.WAITING:d} AND for_checker"
)
SUMS = Query(
    "SELECT a.kind, SUM(b.credits - b.debits) FROM balances AS b "
    "JOIN accounts AS a ON a.id = b.account GROUP BY a.kind"
)

# What time brings.

IS_SWEEPER = Query("SELECT TRUE", "AND pg_try_advisory_xact_lock(4095)")
EXPIRED = Query(
    f"SELECT id FROM executions WHERE stage = {Stage.LEASED:d} AND deadline <= $1 "
    "ORDER BY deadline LIMIT $2"
)
UNBEGUN = Query(
    f"SELECT id FROM executions WHERE stage = {Stage.WAITING:d} "
    f"AND purpose = {Purpose.FIRST:d} AND job = $1 ORDER BY item LIMIT $2"
)
HELD = Query(  # by a LIMIT a subquery stays one, and is no join that may be planned badly
    f"SELECT id FROM executions AS e WHERE stage = {Stage.HELD:d} AND job = $1 AND since <= $2 "
    "AND NOT COALESCE((SELECT TRUE FROM executions AS o WHERE o.job = e.job AND o.item = e.item "
    f"AND o.stage IN ({Stage.WAITING:d}, {Stage.LEASED:d}) LIMIT 1), FALSE) ORDER BY since LIMIT $3"
)

# Blobs.

ADD_BLOBS = _upsert(schema.blobs, "name", ["name"])
BLOBS = Lookup("b.*", schema.blobs, ["b.name"])

# The whole books, for the audit.

BOOK_TRANSFERS = Query(
    f"SELECT number, {TRANSFER} FROM transfers WHERE number > $1 ORDER BY number LIMIT $2"
)
BOOK_BALANCES = Query("SELECT * FROM balances WHERE account > $1 ORDER BY account LIMIT $2")
BOOK_PAID = Query(
    f"SELECT {E} FROM executions AS e WHERE stage = {Stage.PAID:d} AND id > $1 ORDER BY id LIMIT $2"
)
BOOK_JOBS = Query(f"{_JOB} WHERE id > $1 ORDER BY id LIMIT $2")
