"""Where the market's truth is kept: what a store must be able to do, whatever it is made of.

    async with store.begin() as transaction:      all of it happens, or nothing
        await transaction.lay_leases(desk, …)     read rows, lock them, lay them on the desk
        …                                         the rules decide (cpushare/market/rules.py)
        await transaction.save(desk)              write what changed, enter its transfers

Two transactions that lay the same task wait for each other. Where a database has to choose between
two, one ends with `Contended` and nothing of it has happened: what is marked `@again` begins anew.
`cpushare/exchange/sql` keeps rows in SQLite or PostgreSQL, `cpushare/exchange/memory.py` in
dictionaries, for simulations.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar

from msgspec import Struct

from cpushare.market.desk import Desk
from cpushare.market.errors import Unreachable
from cpushare.market.ledger import Balance, Transfer
from cpushare.market.rasters import RasterShape
from cpushare.market.states import Execution, Job, JobState, Standing, Task, TaskKey, Worker
from cpushare.market.wishes import Wish

P = ParamSpec("P")
R = TypeVar("R")
TRIES = 12
"""How often what is contended is begun: the last waits are a second long."""


class Contended(Unreachable):
    """Another transaction was in the way, and nothing of this one has happened."""


def again(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Begin a function anew when it ends with `Contended`. It holds one transaction, or several
    that may be repeated.
    """

    @wraps(function)
    async def begun(*args: P.args, **kwargs: P.kwargs) -> R:
        for tries in range(TRIES - 1):
            try:
                return await function(*args, **kwargs)
            except Contended:
                await asyncio.sleep(random.uniform(0.0, min(1.0, 0.002 * 2**tries)))
        return await function(*args, **kwargs)

    return begun


MINT, USER, ESCROW = "mint", "user", "escrow"
"""Kinds of accounts. The mint is the one that may owe; its name is empty."""


Nonce = tuple[bytes, bytes, float]
"""A key, what it has drawn for one signature, until when that is remembered."""


class BlobRow(Struct, frozen=True):
    """What is known of a blob: its size, its shape if it is a raster, and where it lies.

    That is in the pack of this name from byte `start` on, or alone, under its own name.
    """

    name: str
    size_bytes: int
    shape: RasterShape | None = None
    pack: str = ""
    start: int = 0

    @property
    def lies_in(self) -> str:
        """The name of what holds it."""
        return self.pack or self.name


class Progress(Struct, frozen=True):
    """How many tasks of a job are at each stage, and micro-coins that have gone to sellers."""

    open: int
    answered: int
    final: int
    failed: int
    paid: int


class Overview(Struct, frozen=True):
    """The whole exchange in counts and sums, which name nobody.

    `jobs` counts by state and by whether they are public, `workers` by standing; `active` workers
    (the exchange's own is none of them) were seen lately, `checker_seen` is when that one was.
    `leased` executions are in somebody's hands; `for_checker` wait for the exchange's own worker,
    the first of them since `for_checker_since` (0: none). `minted` are the micro-coins that there
    are, `held` those that jobs have set aside. `waiting`
    executions are in nobody's hands, `unpaid` ones have been answered; `ledger_sum` is what all
    accounts have together, which is 0.
    """

    jobs: dict[tuple[JobState, bool], int]
    workers: dict[Standing, int]
    active: int
    checker_seen: float
    leased: int
    for_checker: int
    for_checker_since: float
    minted: int
    held: int
    waiting: int
    unpaid: int
    ledger_sum: int


class Transaction(Protocol):
    """Reads and writes that happen together. Every `lay_…` locks what it lays on the desk."""

    async def use_nonces(self, nonces: Collection[Nonce], now: float) -> set[bytes]:
        """Remember nonces, one of a key, each until its time; gives the keys of those that were
        not remembered already.
        """

    # Accounts and the ledger.

    async def account(self, kind: str, name: str) -> int:
        """The number of an account, which is opened if there is none."""

    async def find_account(self, kind: str, name: str) -> int | None:
        """The number of an account, if there is one."""

    async def balances(self, accounts: Collection[int]) -> dict[int, Balance]:
        """Balances, locked."""

    async def enter(self, transfers: Sequence[Transfer]) -> None:
        """Post transfers (`ledger.post`). Raises `Conflict`, `TooMuch`, `Missing`, `Forbidden`."""

    async def history(self, account: int, before: int, count: int) -> list[tuple[int, Transfer]]:
        """Transfers of an account with their numbers, newest first, those below `before` if > 0."""

    # Workers, leases.

    async def workers(self, keys: Collection[bytes]) -> dict[bytes, Worker]:
        """The workers of these keys, of those that there are."""

    async def add_worker(self, worker: Worker) -> Worker:
        """Keep a new worker, or an enrolled one's new order; gives it with its id."""

    async def lay_leases(self, desk: Desk, leases: Collection[int]) -> None:
        """Executions with these ids, and their tasks, jobs, siblings and the siblings' workers."""

    async def lay_tasks(self, desk: Desk, tasks: Collection[TaskKey]) -> None:
        """Tasks, their jobs, executions and those executions' workers."""

    async def lay_of_worker(self, desk: Desk, worker: int) -> None:
        """What a worker holds or has been leased, as by `lay_leases`."""

    async def lay_leased(self, desk: Desk, workers: Collection[int]) -> list[Execution]:
        """What some workers have been leased, with its jobs, by id."""

    async def lay_waiting(
        self, desk: Desk, wishes: Sequence[Wish], checks_before: float
    ) -> list[list[Execution]]:
        """Waiting executions that workers may have (`Wish.suits`), with their jobs: for each wish
        the best paid, then the oldest job, then by purpose and index. What another transaction has
        laid is passed over, and what an earlier wish got.
        """

    async def newest_waiting(self) -> float:
        """When the execution began to wait that waits for the shortest time; 0 if none waits."""

    async def save(self, desk: Desk) -> None:
        """Write what changed on the desk, and enter its transfers."""

    # Jobs.

    async def add_job(
        self, job: Job, tasks: Sequence[Task], executions: Sequence[Execution]
    ) -> Job:
        """Keep a new job, whose number is given to all of it. Raises `Conflict` if it is there."""

    async def job(self, hash: str) -> Job | None:
        """A job by its name."""

    async def jobs(self, buyer: int | None, public: bool, count: int) -> list[Job]:
        """Jobs, newest first: of a buyer, or those that are public, or all."""

    async def progress(self, job: Job) -> Progress:
        """How far a job is."""

    async def task_page(self, job: int, first: int, count: int) -> list[Task]:
        """Tasks of a job by index, from `first` on, as many as `count` at most."""

    async def overview(self, active_since: float) -> Overview:
        """The exchange as a whole; whoever was seen after `active_since` is active."""

    async def changes(self, job: int, after: int, count: int) -> list[Task]:
        """Tasks that changed after a time in ms, in that order, all of one time together."""

    async def outcomes(self, work: Collection[bytes]) -> dict[bytes, bytes]:
        """Final outcomes of the same work, by its hash."""

    # What time brings: each lays at most `count` on the desk, with what `lay_leases` lays.

    async def is_sweeper(self) -> bool:
        """Whether this transaction, until it ends, is the only one that does what time brings:
        another front end would do the same.
        """

    async def lay_expired(self, desk: Desk, now: float, count: int) -> list[Execution]:
        """Leases whose deadline has passed."""

    async def lay_waiting_of(self, desk: Desk, job: int, count: int) -> list[Execution]:
        """First executions of a job that wait."""

    async def lay_held_of(self, desk: Desk, job: int, before: float, count: int) -> list[Execution]:
        """Executions of a job that are held since before a time, and whose task has none open."""

    async def live_jobs(self) -> list[Job]:
        """Jobs that run or stop."""

    async def lay_job(self, desk: Desk, job: int) -> Job:
        """A job, locked."""

    async def open_count(self, job: int) -> tuple[int, int]:
        """How many of a job's executions are open, and how many are held."""

    # Blobs.

    async def add_blobs(self, rows: Iterable[BlobRow]) -> None:
        """Note what has been stored."""

    async def blobs(self, names: Collection[str]) -> dict[str, BlobRow]:
        """What is known of blobs, of those that are there."""


class Books(Protocol):
    """All rows of the books at one moment, one after the other, for the audit."""

    def every_transfer(self) -> AsyncIterator[Transfer]:
        """In the order of entry."""

    def every_balance(self) -> AsyncIterator[Balance]:
        """Of all accounts."""

    def every_paid(self) -> AsyncIterator[Execution]:
        """Executions that have been paid."""

    def every_job(self) -> AsyncIterator[Job]:
        """All jobs."""

    async def transfers(self, ids: Collection[bytes]) -> dict[bytes, Transfer]:
        """Those there are of these ids."""


class Store(Protocol):
    """Rows that outlive a process, or do not."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction, which is committed unless an error leaves it.

        Raises `Contended`, and `Unreachable` if there is no database; from its end as well.
        """

    def reading(self) -> AbstractAsyncContextManager[Books]:
        """The books, while others write on."""

    async def close(self) -> None:
        """Free what is held."""
