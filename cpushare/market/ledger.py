"""The ledger: double entry, as a pure function from balances and transfers to balances.

The rules are TigerBeetle's. A transfer moves a positive whole amount from one account (debit) to
another (credit) and is never changed. One that is `PENDING` only sets the amount aside; later a
`POST` of it moves the amount or a `VOID` frees it, once. A transfer's id is made from what it pays
for, so that repeating it is harmless. No account but the mint's can spend what it does not have,
and what all accounts have is zero, always.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Mapping
from enum import IntEnum

from msgspec import Struct, structs

from cpushare.market.coins import MOST_MICRO
from cpushare.market.errors import Conflict, Forbidden, Missing, TooMuch

ID_BYTES = 16
MOST_SUM = (1 << 63) - 1
"""The most that an account can have moved in all: what a database's integers hold."""


class Step(IntEnum):
    """What a transfer does."""

    MOVE = 0
    PENDING = 1
    POST = 2
    VOID = 3


class Transfer(Struct, frozen=True, gc=False):
    """One line of the books. For POST and VOID, `pending` is the id of what they end.

    `debit` and `credit` are numbers of accounts, `amount` is in micro-coins, `reason` says what
    it is for, `created` is the time in seconds.
    """

    id: bytes
    step: Step
    debit: int
    credit: int
    amount: int
    reason: str
    created: float
    pending: bytes = b""


class Balance(Struct, frozen=True, gc=False):
    """An account's sums, in micro-coins. Only the mint `may_owe`."""

    account: int
    debits: int = 0
    credits: int = 0
    debits_pending: int = 0
    credits_pending: int = 0
    may_owe: bool = False

    @property
    def available(self) -> int:
        """What can be spent."""
        return self.credits - self.debits - self.debits_pending


def transfer_id(purpose: str) -> bytes:
    """The id of the transfer for a purpose, such as "fund 12": the same for the same purpose."""
    return hashlib.blake2b(purpose.encode(), digest_size=ID_BYTES).digest()


_ENDS = {step: hashlib.blake2b(step.name.encode(), digest_size=8).digest() for step in Step}


def execution_transfer_id(step: Step, execution: int) -> bytes:
    """The id of the transfer by which an execution is paid, or is not after all.

    Those of executions that follow each other do so too: a database has them on the same pages.
    """
    return execution.to_bytes(8, "big") + _ENDS[step]


class Posted(Struct, frozen=True, gc=False):
    """What `post` gives: balances that changed, and transfers that are new."""

    balances: dict[int, Balance]
    transfers: list[Transfer]


def post(
    balances: Mapping[int, Balance],
    transfers: Iterable[Transfer],
    known: Mapping[bytes, Transfer],
    ended: Container[bytes] = frozenset(),
) -> Posted:
    """Enter transfers, all or none, in order.

    `known` has the transfers of these ids that are in the books already, and the pending ones that
    are to be ended; `ended` the ids of those that have been. One that is known and equal changes
    nothing. Raises `Conflict` for an id that is taken by another or a pending one that has ended,
    `Missing`, `TooMuch` for what an account does not have, `Forbidden` for no amount.
    """
    changed: dict[int, Balance] = {}
    entered: dict[bytes, Transfer] = {}
    over: set[bytes] = set()
    for transfer in transfers:
        before = entered.get(transfer.id) or known.get(transfer.id)
        if before is not None:
            if structs.replace(before, created=0.0) != structs.replace(transfer, created=0.0):
                raise Conflict(f"transfer '{transfer.reason}' was entered before, and differs")
            continue
        if transfer.step in (Step.POST, Step.VOID):
            _check_pending(transfer, entered.get(transfer.pending) or known.get(transfer.pending))
            if transfer.pending in over or transfer.pending in ended:
                raise Conflict(f"what '{transfer.reason}' would end has ended")
            over.add(transfer.pending)
        _enter(transfer, balances, changed)
        entered[transfer.id] = transfer
    return Posted(changed, list(entered.values()))


def _check_pending(transfer: Transfer, pending: Transfer | None) -> None:
    if pending is None or pending.step is not Step.PENDING:
        raise Missing(f"there is nothing pending for '{transfer.reason}'")
    same = (pending.debit, pending.credit, pending.amount)
    if same != (transfer.debit, transfer.credit, transfer.amount):
        raise Conflict(f"'{transfer.reason}' is not what is pending")


def _enter(
    transfer: Transfer, balances: Mapping[int, Balance], changed: dict[int, Balance]
) -> None:
    amount = transfer.amount
    if not 0 < amount <= MOST_MICRO:
        raise Forbidden(f"an amount is from 1 to {MOST_MICRO} micro-coins, not {amount}")
    if transfer.debit == transfer.credit:
        raise Forbidden("a transfer is between two accounts")
    try:
        debit = changed.get(transfer.debit) or balances[transfer.debit]
        credit = changed.get(transfer.credit) or balances[transfer.credit]
    except KeyError as error:
        raise Missing(f"there is no account number {error}") from None
    moves = amount if transfer.step in (Step.MOVE, Step.POST) else 0
    waits = {Step.PENDING: amount, Step.MOVE: 0}.get(transfer.step, -amount)
    debit = structs.replace(
        debit, debits=debit.debits + moves, debits_pending=debit.debits_pending + waits
    )
    credit = structs.replace(
        credit, credits=credit.credits + moves, credits_pending=credit.credits_pending + waits
    )
    if max(debit.debits, credit.credits) > MOST_SUM:
        raise TooMuch(f"'{transfer.reason}' is more than an account can ever move")
    if debit.available < 0 and not debit.may_owe and transfer.step in (Step.MOVE, Step.PENDING):
        raise TooMuch(
            f"'{transfer.reason}' takes {amount} micro-coins, and the account has "
            f"{debit.available + amount}"
        )
    changed[transfer.debit] = debit
    changed[transfer.credit] = credit


class Auditor:
    """Computes all balances anew, transfer by transfer; `found` says what is wrong, in sentences.

    It remembers what is pending now, not all that ever was.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self._sums: dict[int, Balance] = {}
        self._pending: dict[bytes, Transfer] = {}
        self._total = 0

    def enter(self, transfer: Transfer) -> None:
        """The next transfer, in the order of entry."""
        for number in (transfer.debit, transfer.credit):
            self._sums.setdefault(number, Balance(number, may_owe=True))
        try:
            posted = post(self._sums, [transfer], self._pending)
        except (Conflict, Forbidden, Missing) as error:
            self.found.append(str(error))
            return
        self._sums.update(posted.balances)
        if transfer.step is Step.PENDING:
            self._pending[transfer.id] = transfer
        elif transfer.pending:
            del self._pending[transfer.pending]

    def compare(self, balance: Balance) -> None:
        """A balance as it is kept."""
        computed = self._sums.pop(balance.account, Balance(balance.account))
        if structs.replace(computed, may_owe=balance.may_owe) != balance:
            self.found.append(
                f"account {balance.account} says {balance}, its transfers say {computed}"
            )
        if balance.available < 0 and not balance.may_owe:
            self.found.append(
                f"account {balance.account} has less than nothing: {balance.available}"
            )
        self._total += balance.credits - balance.debits

    def end(self) -> list[str]:
        """What can be said when all transfers and balances have been seen."""
        last = [f"transfers name account {number}, and there is none" for number in self._sums]
        if self._total:
            last.append(f"all accounts together have {self._total} micro-coins, not 0")
        return last


def audit(balances: Iterable[Balance], transfers: Iterable[Transfer]) -> list[str]:
    """What is wrong with the books, in sentences; nothing if all is well."""
    auditor = Auditor()
    for transfer in transfers:
        auditor.enter(transfer)
    for balance in balances:
        auditor.compare(balance)
    return auditor.found + auditor.end()
