"""The rows that the market's truth consists of: frozen structs, replaced and never changed.

    Job 1─n Task 1─n Execution n─1 Worker n─1 account of the ledger

A task is one item of a job's work; an execution is one worker's go at it: the first, a second one
that checks it, or one by the exchange's own worker that judges between them. Which way they may
change is the business of cpushare/market/rules.py alone.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from msgspec import Struct

TaskKey = tuple[int, int]
"""Number of the job, index of the task in it."""


class JobState(StrEnum):
    """RUNNING, or STOPPING: nothing is begun, what is leased may end. Then how it ended."""

    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


OVER = frozenset({JobState.DONE, JobState.CANCELLED, JobState.EXPIRED})
"""States of a job in which nothing more happens to it."""


class TaskStage(IntEnum):
    """OPEN has no outcome, ANSWERED one that may still change, FINAL one that is paid."""

    OPEN = 0
    ANSWERED = 1
    FINAL = 2
    FAILED = 3


class Purpose(IntEnum):
    """In the order in which they are leased: what settles a quarrel, what checks, the rest."""

    JUDGE = 0
    CHECK = 1
    FIRST = 2


class Stage(IntEnum):
    """Of an execution. HELD has been answered and waits for its pay; VOID will not be paid."""

    WAITING = 0
    LEASED = 1
    HELD = 2
    PAID = 3
    VOID = 4
    FAILED = 5


class Standing(StrEnum):
    """Of a worker: all results of a NEW one are checked, a CAUGHT one gets no work.

    The CHECKER is the exchange's own, whose word is taken.
    """

    NEW = "new"
    TRUSTED = "trusted"
    CAUGHT = "caught"
    CHECKER = "checker"


class Worker(Struct, frozen=True, gc=False):
    """A worker key, the account it earns for, and how it has done."""

    id: int
    key: bytes
    account: int
    standing: Standing
    min_price: int
    memory_bytes: int
    results: int = 0
    checks_passed: int = 0
    seen: float = 0.0


class Job(Struct, frozen=True, gc=False):
    """A buyer's job. `escrow` is the account that holds what it may cost, `checks_left` what of
    that is left for checks; `ending` is the state that it stops for.
    """

    id: int
    hash: str
    buyer: int
    escrow: int
    state: JobState
    trust: str
    price: int
    tasks: int
    reserved: int
    checks_left: int
    created: float
    deadline: float
    program: str
    kernel: str
    checked: bool
    document: str
    title: str = ""
    is_public: bool = False
    ending: JobState = JobState.DONE
    ended: float = 0.0
    closes: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in OVER

    @property
    def said_state(self) -> str:
        """How it is, in the word that buyers and pages use."""
        return "closing" if self.state is JobState.STOPPING else self.state.value


class Task(Struct, frozen=True, gc=False):
    """One item of a job. `outcome` is the canonical bytes of an `Outcome`; `changed` in ms.

    `work` is the hash of all that decides the outcome: tasks of the same work have the same.
    """

    job: int
    index: int
    work: bytes
    stage: TaskStage = TaskStage.OPEN
    outcome: bytes = b""
    failure: str = ""
    changed: int = 0

    @property
    def key(self) -> TaskKey:
        """What names it."""
        return self.job, self.index


class Execution(Struct, frozen=True, gc=False):
    """One worker's go at a task; its `id`, which nobody can foresee, is the lease's.

    `worker` has it, or had it last (0: nobody); `avoid_worker` and `avoid_account` may not have
    it; with `for_checker` only the exchange's own worker may. `since` is when its stage began,
    `failures` how often it was handed back.
    """

    id: int
    job: int
    index: int
    purpose: Purpose
    price: int
    units: int
    memory_bytes: int
    pay: int
    stage: Stage = Stage.WAITING
    worker: int = 0
    account: int = 0
    avoid_worker: int = 0
    avoid_account: int = 0
    for_checker: bool = False
    deadline: float = 0.0
    outcome: bytes = b""
    since: float = 0.0
    failures: int = 0
    was_checked: bool = False

    @property
    def task(self) -> TaskKey:
        """Which task it is of."""
        return self.job, self.index

    @property
    def is_open(self) -> bool:
        """Whether an answer may still come."""
        return self.stage in (Stage.WAITING, Stage.LEASED)

    @property
    def is_answered(self) -> bool:
        """Whether it has an outcome that counts."""
        return self.stage in (Stage.HELD, Stage.PAID)
