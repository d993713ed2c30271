"""The tables of the market, for SQLite and PostgreSQL: rows of cpushare/market/states.py.

Accounts and transfers are only ever added to: triggers refuse the rest. An account's sums are kept
beside them, in `balances`, and how far a job is in `tallies`: both change by differences, in the
last statement of a transaction, so that their rows are locked for as short as can be.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    desc,
    event,
    text,
)

from cpushare.market.states import Purpose, Stage, TaskStage

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
Number = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits: SQLite numbers rows by itself only if the column is called INTEGER."""


def _number(name: str, *more: ForeignKey, primary: bool = False) -> Column[int]:
    return Column(name, Number, *more, primary_key=primary, autoincrement=False, nullable=False)


def _own_number(name: str) -> Column[int]:
    return Column(name, Number, Identity(), primary_key=True)


nonces = Table(
    "nonces",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("nonce", LargeBinary, primary_key=True),
    Column("until", Double, nullable=False),
    Index("nonces_by_end", "until"),
)

accounts = Table(
    "accounts",
    metadata,
    _own_number("id"),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Index("accounts_by_name", "kind", "name", unique=True),
)

balances = Table(
    "balances",
    metadata,
    _number("account", ForeignKey("accounts.id"), primary=True),
    _number("debits"),
    _number("credits"),
    _number("debits_pending"),
    _number("credits_pending"),
    Column("may_owe", Boolean, nullable=False),
    CheckConstraint("may_owe OR credits - debits - debits_pending >= 0", name="nobody_owes"),
    CheckConstraint("debits_pending >= 0 AND credits_pending >= 0", name="pending_ends_once"),
)

transfers = Table(
    "transfers",
    metadata,
    _own_number("number"),
    Column("id", LargeBinary, nullable=False),
    Column("step", SmallInteger, nullable=False),
    _number("debit", ForeignKey("accounts.id")),
    _number("credit", ForeignKey("accounts.id")),
    _number("amount"),
    Column("reason", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("pending", LargeBinary),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("debit <> credit", name="two_accounts"),
    Index("transfers_by_id", "id", unique=True),
    Index(
        "transfers_by_pending",
        "pending",
        unique=True,
        sqlite_where=text("pending IS NOT NULL"),
        postgresql_where=text("pending IS NOT NULL"),
    ),
    Index("transfers_by_debit", "debit", "number"),
    Index("transfers_by_credit", "credit", "number"),
)

workers = Table(
    "workers",
    metadata,
    _own_number("id"),
    Column("key", LargeBinary, nullable=False),
    _number("account", ForeignKey("accounts.id")),
    Column("standing", Text, nullable=False),
    _number("min_price"),
    _number("memory_bytes"),
    _number("results"),
    _number("checks_passed"),
    Column("seen", Double, nullable=False),
    Index("workers_by_key", "key", unique=True),
)

jobs = Table(
    "jobs",
    metadata,
    _own_number("id"),
    Column("hash", Text, nullable=False),
    _number("buyer", ForeignKey("accounts.id")),
    _number("escrow", ForeignKey("accounts.id")),
    Column("state", Text, nullable=False),
    Column("trust", Text, nullable=False),
    _number("price"),
    _number("tasks"),
    _number("reserved"),
    _number("checks_left"),
    Column("created", Double, nullable=False),
    Column("deadline", Double, nullable=False),
    Column("program", Text, nullable=False),
    Column("kernel", Text, nullable=False),
    Column("checked", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("ending", Text, nullable=False),
    Column("ended", Double, nullable=False),
    Column("closes", Double, nullable=False),
    CheckConstraint("checks_left >= 0", name="checks_left"),
    Index("jobs_by_hash", "hash", unique=True),
    Index("jobs_by_buyer", "buyer", "id"),
    Index(
        "jobs_public",
        "id",
        sqlite_where=text("is_public"),
        postgresql_where=text("is_public"),
    ),
    Index(
        "jobs_live",
        "id",
        sqlite_where=text("state IN ('running', 'stopping')"),
        postgresql_where=text("state IN ('running', 'stopping')"),
    ),
)

tallies = Table(
    "tallies",
    metadata,
    _number("job", ForeignKey("jobs.id"), primary=True),
    _number("open"),
    _number("answered"),
    _number("final"),
    _number("failed"),
    _number("paid"),
    _number("busy"),
    _number("held"),
)
"""Tasks of a job at each stage, micro-coins paid, executions that are open and that are held."""

tasks = Table(
    "tasks",
    metadata,
    _number("job", ForeignKey("jobs.id"), primary=True),
    _number("item", primary=True),
    Column("work", LargeBinary, nullable=False),
    Column("stage", SmallInteger, nullable=False),
    Column("outcome", LargeBinary, nullable=False),
    Column("failure", Text, nullable=False),
    _number("changed"),
    Index(
        "tasks_by_change",
        "job",
        "changed",
        "item",
        sqlite_where=text("changed > 0"),
        postgresql_where=text("changed > 0"),
    ),
    Index(
        "tasks_by_work",
        "work",
        sqlite_where=text(f"stage = {TaskStage.FINAL:d}"),
        postgresql_where=text(f"stage = {TaskStage.FINAL:d}"),
    ),
)


def _of_stage(name: str, stage: Stage, more: str, *columns: Any) -> Index:
    where = text(f"stage = {stage:d}{more}")
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


executions = Table(
    "executions",
    metadata,
    _number("id", primary=True),
    _number("job"),
    _number("item"),
    Column("purpose", SmallInteger, nullable=False),
    _number("price"),
    _number("units"),
    _number("memory_bytes"),
    _number("pay"),
    Column("stage", SmallInteger, nullable=False),
    Column("worker", Number, ForeignKey("workers.id")),
    _number("account"),
    _number("avoid_worker"),
    _number("avoid_account"),
    Column("for_checker", Boolean, nullable=False),
    Column("deadline", Double, nullable=False),
    Column("outcome", LargeBinary, nullable=False),
    Column("since", Double, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("was_checked", Boolean, nullable=False),
    ForeignKeyConstraint(["job", "item"], ["tasks.job", "tasks.item"]),
    Index("executions_by_task", "job", "item"),
)
_of_stage(
    "executions_waiting",
    Stage.WAITING,
    " AND NOT for_checker",
    desc(executions.c.price),
    executions.c.job,
    executions.c.purpose,
    executions.c.item,
    executions.c.memory_bytes,
)
_of_stage(
    "executions_for_checker",
    Stage.WAITING,
    " AND for_checker",
    desc(executions.c.price),
    executions.c.job,
    executions.c.purpose,
    executions.c.item,
)
_of_stage(
    "executions_late",
    Stage.WAITING,
    f" AND NOT for_checker AND purpose = {Purpose.CHECK:d}",
    executions.c.since,
)
_of_stage("executions_newest", Stage.WAITING, "", executions.c.since)
_of_stage(
    "executions_unbegun",
    Stage.WAITING,
    f" AND purpose = {Purpose.FIRST:d}",
    executions.c.job,
    executions.c.item,
)
_of_stage("executions_leased", Stage.LEASED, "", executions.c.worker)
_of_stage("executions_by_deadline", Stage.LEASED, "", executions.c.deadline)
_of_stage("executions_held", Stage.HELD, "", executions.c.job, executions.c.since)
_of_stage("executions_held_by_worker", Stage.HELD, "", executions.c.worker)

blobs = Table(
    "blobs",
    metadata,
    Column("name", Text, primary_key=True),
    _number("size_bytes"),
    Column("type", Text),
    Column("height", Number),
    Column("width", Number),
    Column("channels", Number),
    Column("pack", Text),
    Column("start", Number),
)
"""A raster's shape, or nothing, and where a blob lies: nothing, if it is not in a pack."""

GUARDED = ("accounts", "transfers")
SQLITE_GUARDS = [
    f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} are only added to'); END"
    for table in GUARDED
    for verb in ("UPDATE", "DELETE")
]
POSTGRES_GUARDS = [
    "CREATE FUNCTION only_added_to() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% are only added to', TG_TABLE_NAME; END $$",
    *(
        f"CREATE TRIGGER {table}_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION only_added_to()"
        for table in GUARDED
    ),
]
for _dialect, _guards in (("sqlite", SQLITE_GUARDS), ("postgresql", POSTGRES_GUARDS)):
    for _guard in _guards:
        event.listen(
            metadata,
            "after_create",
            DDL(_guard.replace("%", "%%")).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]
        )
