"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
GUARDED = ("accounts", "transfers")


def upgrade() -> None:
    """Make all of them, and the triggers that keep accounts and transfers as they are."""
    _accounts()
    _blobs()
    _nonces()
    _balances()
    _jobs()
    _transfers()
    _workers()
    _tallies()
    _tasks()
    _executions()
    _guards()


def _where(condition: str) -> dict[str, Any]:
    """What makes an index partial, for either database."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _guards() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in GUARDED:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} are only added to'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION only_added_to() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% are only added to', TG_TABLE_NAME; END $$"
    )
    for table in GUARDED:
        op.execute(
            f"CREATE TRIGGER {table}_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION only_added_to()"
        )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    op.create_index("accounts_by_name", "accounts", ["kind", "name"], unique=True)


def _blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size_bytes", NUMBER, nullable=False, autoincrement=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("height", NUMBER, nullable=True),
        sa.Column("width", NUMBER, nullable=True),
        sa.Column("channels", NUMBER, nullable=True),
        sa.Column("pack", sa.Text(), nullable=True),
        sa.Column("start", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_blobs"),
    )


def _nonces() -> None:
    op.create_table(
        "nonces",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", "nonce", name="pk_nonces"),
    )
    op.create_index("nonces_by_end", "nonces", ["until"])


def _balances() -> None:
    op.create_table(
        "balances",
        sa.Column("account", NUMBER, nullable=False, autoincrement=False),
        sa.Column("debits", NUMBER, nullable=False, autoincrement=False),
        sa.Column("credits", NUMBER, nullable=False, autoincrement=False),
        sa.Column("debits_pending", NUMBER, nullable=False, autoincrement=False),
        sa.Column("credits_pending", NUMBER, nullable=False, autoincrement=False),
        sa.Column("may_owe", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "debits_pending >= 0 AND credits_pending >= 0",
            name=op.f("ck_balances_pending_ends_once"),
        ),
        sa.CheckConstraint(
            "may_owe OR credits - debits - debits_pending >= 0",
            name=op.f("ck_balances_nobody_owes"),
        ),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_balances_account"),
        sa.PrimaryKeyConstraint("account", name="pk_balances"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("buyer", NUMBER, nullable=False, autoincrement=False),
        sa.Column("escrow", NUMBER, nullable=False, autoincrement=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("price", NUMBER, nullable=False, autoincrement=False),
        sa.Column("tasks", NUMBER, nullable=False, autoincrement=False),
        sa.Column("reserved", NUMBER, nullable=False, autoincrement=False),
        sa.Column("checks_left", NUMBER, nullable=False, autoincrement=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("deadline", sa.Double(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("kernel", sa.Text(), nullable=False),
        sa.Column("checked", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("ending", sa.Text(), nullable=False),
        sa.Column("ended", sa.Double(), nullable=False),
        sa.Column("closes", sa.Double(), nullable=False),
        sa.CheckConstraint("checks_left >= 0", name=op.f("ck_jobs_checks_left")),
        sa.ForeignKeyConstraint(["buyer"], ["accounts.id"], name="fk_jobs_buyer"),
        sa.ForeignKeyConstraint(["escrow"], ["accounts.id"], name="fk_jobs_escrow"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("jobs_by_buyer", "jobs", ["buyer", "id"])
    op.create_index("jobs_by_hash", "jobs", ["hash"], unique=True)
    op.create_index("jobs_live", "jobs", ["id"], **_where("state IN ('running', 'stopping')"))
    op.create_index("jobs_public", "jobs", ["id"], **_where("is_public"))


def _transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("number", NUMBER, sa.Identity(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("debit", NUMBER, nullable=False, autoincrement=False),
        sa.Column("credit", NUMBER, nullable=False, autoincrement=False),
        sa.Column("amount", NUMBER, nullable=False, autoincrement=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("pending", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_transfers_amount")),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_transfers_two_accounts")),
        sa.ForeignKeyConstraint(["credit"], ["accounts.id"], name="fk_transfers_credit"),
        sa.ForeignKeyConstraint(["debit"], ["accounts.id"], name="fk_transfers_debit"),
        sa.PrimaryKeyConstraint("number", name="pk_transfers"),
    )
    op.create_index("transfers_by_credit", "transfers", ["credit", "number"])
    op.create_index("transfers_by_debit", "transfers", ["debit", "number"])
    op.create_index("transfers_by_id", "transfers", ["id"], unique=True)
    op.create_index(
        "transfers_by_pending",
        "transfers",
        ["pending"],
        unique=True,
        **_where("pending IS NOT NULL"),
    )


def _workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("account", NUMBER, nullable=False, autoincrement=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("min_price", NUMBER, nullable=False, autoincrement=False),
        sa.Column("memory_bytes", NUMBER, nullable=False, autoincrement=False),
        sa.Column("results", NUMBER, nullable=False, autoincrement=False),
        sa.Column("checks_passed", NUMBER, nullable=False, autoincrement=False),
        sa.Column("seen", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_workers_account"),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_index("workers_by_key", "workers", ["key"], unique=True)


def _tallies() -> None:
    op.create_table(
        "tallies",
        sa.Column("job", NUMBER, nullable=False, autoincrement=False),
        sa.Column("open", NUMBER, nullable=False, autoincrement=False),
        sa.Column("answered", NUMBER, nullable=False, autoincrement=False),
        sa.Column("final", NUMBER, nullable=False, autoincrement=False),
        sa.Column("failed", NUMBER, nullable=False, autoincrement=False),
        sa.Column("paid", NUMBER, nullable=False, autoincrement=False),
        sa.Column("busy", NUMBER, nullable=False, autoincrement=False),
        sa.Column("held", NUMBER, nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_tallies_job"),
        sa.PrimaryKeyConstraint("job", name="pk_tallies"),
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("job", NUMBER, nullable=False, autoincrement=False),
        sa.Column("item", NUMBER, nullable=False, autoincrement=False),
        sa.Column("work", sa.LargeBinary(), nullable=False),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("changed", NUMBER, nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_tasks_job"),
        sa.PrimaryKeyConstraint("job", "item", name="pk_tasks"),
    )
    op.create_index("tasks_by_change", "tasks", ["job", "changed", "item"], **_where("changed > 0"))
    op.create_index("tasks_by_work", "tasks", ["work"], **_where("stage = 2"))


def _executions() -> None:
    op.create_table(
        "executions",
        sa.Column("id", NUMBER, nullable=False, autoincrement=False),
        sa.Column("job", NUMBER, nullable=False, autoincrement=False),
        sa.Column("item", NUMBER, nullable=False, autoincrement=False),
        sa.Column("purpose", sa.SmallInteger(), nullable=False),
        sa.Column("price", NUMBER, nullable=False, autoincrement=False),
        sa.Column("units", NUMBER, nullable=False, autoincrement=False),
        sa.Column("memory_bytes", NUMBER, nullable=False, autoincrement=False),
        sa.Column("pay", NUMBER, nullable=False, autoincrement=False),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.Column("worker", NUMBER, nullable=True),
        sa.Column("account", NUMBER, nullable=False, autoincrement=False),
        sa.Column("avoid_worker", NUMBER, nullable=False, autoincrement=False),
        sa.Column("avoid_account", NUMBER, nullable=False, autoincrement=False),
        sa.Column("for_checker", sa.Boolean(), nullable=False),
        sa.Column("deadline", sa.Double(), nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("was_checked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job", "item"], ["tasks.job", "tasks.item"], name="fk_executions_job"
        ),
        sa.ForeignKeyConstraint(["worker"], ["workers.id"], name="fk_executions_worker"),
        sa.PrimaryKeyConstraint("id", name="pk_executions"),
    )
    op.create_index("executions_by_deadline", "executions", ["deadline"], **_where("stage = 1"))
    op.create_index("executions_by_task", "executions", ["job", "item"])
    op.create_index(
        "executions_for_checker",
        "executions",
        [sa.literal_column("price DESC"), "job", "purpose", "item"],
        **_where("stage = 0 AND for_checker"),
    )
    op.create_index("executions_held", "executions", ["job", "since"], **_where("stage = 2"))
    op.create_index("executions_held_by_worker", "executions", ["worker"], **_where("stage = 2"))
    op.create_index(
        "executions_late",
        "executions",
        ["since"],
        **_where("stage = 0 AND NOT for_checker AND purpose = 1"),
    )
    op.create_index("executions_newest", "executions", ["since"], **_where("stage = 0"))
    op.create_index("executions_leased", "executions", ["worker"], **_where("stage = 1"))
    op.create_index(
        "executions_unbegun", "executions", ["job", "item"], **_where("stage = 0 AND purpose = 2")
    )
    op.create_index(
        "executions_waiting",
        "executions",
        [sa.literal_column("price DESC"), "job", "purpose", "item", "memory_bytes"],
        **_where("stage = 0 AND NOT for_checker"),
    )
