"""What exchange, sellers and buyers say to each other: JSON, one struct a message.

Unknown fields are refused, lengths are bounded, hashes are 64 hex digits, keys are 56 characters
(cpushare/market/keys.py), amounts are micro-coins, times are seconds since 1970, work is in cost
units. What a message means is said where it is answered, in cpushare/exchange/service.py.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from cpushare.market.errors import BadMessage

HASH = r"\A[0-9a-f]{64}\Z"
Hash = Annotated[str, Meta(pattern=HASH)]
Key = Annotated[str, Meta(pattern=r"\A[a-z2-7]{56}\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=200)]
Amount = Annotated[int, Meta(ge=0, le=1 << 62)]
Price = Annotated[int, Meta(ge=1, le=1 << 40)]
"""Micro-coins per billion cost units."""
Units = Annotated[int, Meta(ge=0, le=1 << 62)]
LeaseId = Annotated[int, Meta(ge=0, le=1 << 62)]
Index = Annotated[int, Meta(ge=0, le=1 << 20)]
"""Of a task in its job."""
Values = Annotated[bytes, Meta(max_length=1 << 16)]
"""A kernel's parameters as `vm.parameters.to_bytes` writes them: canonical, and exact."""
Pattern = Annotated[int, Meta(ge=0)]
"""The bits of a record's value (`vm.bits.from_pattern`): JSON has no NaN.

msgspec checks no bound beyond 63 bits: that there are not too many is checked by whoever knows the
field's type.
"""

LEASE_TASKS = 256
"""The most tasks that a worker holds, and the most results that a request brings."""
JOB_TASKS = 1_000_000
RESULTS_PAGE = 1000
JOB_BYTES = 64 << 20
REQUEST_BYTES = 4 << 20
BLOB_BYTES = 1 << 30
FRAME_BYTES = 64 << 20
"""The most that a request for many blobs carries, or its answer."""

TRUSTS = ("spot", "pair", "self")


class Message(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The base of all messages."""


# What a worker and the exchange say: POST /api/work.


class Outcome(Message, frozen=True):
    """What a kernel gave: blobs of out images by name and the record, or the trap it ended in.

    A function of program, kernel, parameters and inputs, so two honest workers always agree.
    """

    images: dict[Name, Hash] = {}
    record: dict[Name, Pattern] = {}
    trap: Annotated[str, Meta(max_length=1000)] = ""


class TaskResult(Message, frozen=True):
    """A worker's answer to one lease: the outcome, and the work it says that was."""

    lease: LeaseId
    units: Units
    outcome: Outcome


class HandBack(Message, frozen=True):
    """A lease given back undone. `reason` is for the log; `is_refused` says that the task is bad.

    A worker refuses a task whose bytes are not what their hash says, which does not verify, or
    which costs more than the exchange says.
    """

    lease: LeaseId
    reason: Text = ""
    is_refused: bool = False


class WorkRequest(Message, frozen=True):
    """Results and what is handed back, and a wish for more.

    `holding` lists the leases that the worker knows of and has not answered: what it was granted
    besides, in an answer that was lost, it is granted again. `wants` is how many more tasks it
    takes, of `units` together at the most; with `wait_s` the exchange may answer later, when there
    is work.
    """

    results: Annotated[list[TaskResult], Meta(max_length=LEASE_TASKS)] = []
    returned: Annotated[list[HandBack], Meta(max_length=LEASE_TASKS)] = []
    holding: Annotated[list[LeaseId], Meta(max_length=LEASE_TASKS)] = []
    wants: Annotated[int, Meta(ge=0, le=LEASE_TASKS)] = 0
    units: Units = 1 << 62
    wait_s: Annotated[float, Meta(ge=0, le=60)] = 0.0


class Lease(Message, frozen=True):
    """A task in a worker's hands until `deadline`: item `index` of a job's work."""

    id: int
    job: Hash
    parameters: Values
    inputs: dict[Name, Hash]
    units: int
    memory_bytes: int
    pay: int
    deadline: float


class JobOffer(Message, frozen=True):
    """What the leases of one job share."""

    program: Hash
    kernel: Name
    checked: bool = False


class Receipt(Message, frozen=True):
    """What became of a result: "accepted", "known" (sent before), or "refused" with a reason."""

    lease: int
    verdict: str
    reason: str = ""


class WorkAnswer(Message, frozen=True):
    """Receipts, new leases, the leases that the exchange has withdrawn, and how long to wait.

    `retry_s` is when to ask again if nothing was granted.
    """

    receipts: list[Receipt] = []
    leases: list[Lease] = []
    jobs: dict[str, JobOffer] = {}
    withdrawn: list[int] = []
    retry_s: float = 0.0


class Enrolment(Message, frozen=True):
    """POST /api/workers: the key that signs is a worker of this sell order (a `.cpu` file)."""

    order: Annotated[str, Meta(max_length=8192)]
    memory_bytes: Amount
    version: Text = ""


class Enrolled(Message, frozen=True):
    """Whom the worker earns for, and where it stands."""

    credit: Key
    state: str
    results: int = 0
    checks_passed: int = 0


# What a buyer and the exchange say: /api/jobs.


class JobOrder(Message, frozen=True):
    """A buyer's job: every parameter set on every set of inputs, row by row.

    Task number `p * len(inputs) + i` is parameter set p on inputs i. `price` is what a billion
    cost units earn, `budget` the most that the whole may take, `trust` one of `TRUSTS`; after
    `deadline` (0: none) what is not done is not done. The program and every input must have been
    uploaded. `nonce` makes two equal jobs different.
    """

    program: Hash
    kernel: Name
    parameters: Annotated[list[Values], Meta(min_length=1, max_length=JOB_TASKS)]
    inputs: Annotated[list[dict[Name, Hash]], Meta(min_length=1, max_length=JOB_TASKS)]
    price: Price
    budget: Amount
    trust: Annotated[str, Meta(pattern=r"\A(spot|pair|self)\Z")] = "spot"
    checked: bool = False
    deadline: Annotated[float, Meta(ge=0, le=1e11)] = 0.0
    title: Text = ""
    is_public: bool = False
    nonce: Annotated[str, Meta(max_length=64)] = ""

    @property
    def tasks(self) -> int:
        """How many tasks it has."""
        return len(self.parameters) * len(self.inputs)

    def task(self, index: int) -> tuple[Values, dict[str, str]]:
        """Parameters and inputs of a task."""
        row, column = divmod(index, len(self.inputs))
        return self.parameters[row], self.inputs[column]


class JobStatus(Message, frozen=True):
    """How far a job is: `state` is running, closing, done, cancelled or expired.

    Of `tasks`, `answered` have an outcome; `final` are paid and will not change; `failed` were
    given up. `reserved` was set aside at the beginning, `paid` has gone to sellers, `refunded`
    came back at the end.
    """

    job: Hash
    state: str
    trust: str
    tasks: int
    answered: int
    final: int
    failed: int
    reserved: int
    paid: int
    refunded: int
    created: float
    ended: float = 0.0
    title: str = ""


class TaskState(Message, frozen=True):
    """A task as its buyer sees it; `is_final` outcomes do not change any more.

    `changed` orders what happened; `failure` says why a task was given up.
    """

    index: int
    changed: int
    outcome: Outcome | None = None
    is_final: bool = False
    failure: str = ""


class ResultsPage(Message, frozen=True):
    """GET /api/jobs/JOB/results?after=N: tasks that changed after N, in that order.

    A page of `RESULTS_PAGE` tasks or more has another behind it, which begins at `after`. Whoever
    has read all begins at the first page's `settled` the next time, or at the last one's `after` if
    that is earlier: some of what he has seen comes again, and nothing is missed that was being
    written as he read. The clock of the exchange may have jumped, so when the job is over one reads
    all once more from 0.
    """

    job: Hash
    state: str
    results: list[TaskState]
    after: int
    settled: int


class Dispute(Message, frozen=True):
    """POST /api/jobs/JOB/dispute: the buyer computed these tasks and got something else."""

    tasks: Annotated[list[Index], Meta(min_length=1, max_length=1000)]


# Accounts and coins.


class Balance(Message, frozen=True):
    """GET /api/accounts/KEY: micro-coins that can be spent, and those still held back."""

    account: Key
    available: int
    held: int


class HistoryLine(Message, frozen=True):
    """One transfer of an account: positive amounts came in. `reason` is what it paid for."""

    id: str
    amount: int
    state: str
    reason: str
    created: float


class History(Message, frozen=True):
    """GET /api/accounts/KEY/history?before=N: transfers, newest first."""

    account: Key
    transfers: list[HistoryLine]
    before: int = 0


class Mint(Message, frozen=True):
    """New coins for an account; signed by the operator's key (cpushare/market/mint.py)."""

    account: Key
    amount: Annotated[int, Meta(ge=1, le=1 << 62)]
    reason: Text
    created: float
    nonce: Annotated[str, Meta(max_length=64)]


class SignedMint(Message, frozen=True):
    """A mint document with the operator's signature, in hex."""

    mint: Mint
    signature: Annotated[str, Meta(pattern=r"\A[0-9a-f]{128}\Z")]


class Mints(Message, frozen=True):
    """GET /api/mints?before=N: how coins came into being, newest first, and whose word it was."""

    operator: Key
    mints: list[SignedMint]
    before: int = 0


class BlobNames(Message, frozen=True):
    """Names of blobs: POST /api/blobs/missing answers with those that are not there."""

    names: Annotated[list[Hash], Meta(max_length=100_000)]


class ExchangeInfo(Message, frozen=True):
    """GET /api/info: who the exchange is, and what it will take."""

    key: Key
    version: str
    lease_tasks: int = LEASE_TASKS
    job_tasks: int = JOB_TASKS
    blob_bytes: int = BLOB_BYTES
    frame_bytes: int = FRAME_BYTES


class Problem(Message, frozen=True):
    """What an answer with an error says: `kind` is one of cpushare.market.errors.KINDS."""

    kind: str
    message: str


M = TypeVar("M", bound=Struct)


def encode(message: Struct) -> bytes:
    """The JSON of a message."""
    return msgspec.json.encode(message)


def decode(data: bytes, kind: type[M]) -> M:
    """The message of this kind. Raises `BadMessage`, which says what is wrong where."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"this is no {kind.__name__}: {str(error)[:300]}") from None


def canonical(message: Any) -> bytes:
    """Bytes that are equal for equal messages: every field, keys in order."""
    return msgspec.json.encode(message, order="sorted")
