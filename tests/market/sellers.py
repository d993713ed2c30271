"""Sellers of the simulation: honest ones, and every kind of liar.

honest     computes
noise      answers something at random
copier     answers what it has answered to another task
skipper    answers the same for every task
mispricer  says that the work was more than it is
ring       answers what all of the ring answer: wrong, and the same
twin       like a ring, under one account
sometimes  lies once in ten
sleeper    is honest until it is trusted, then noise
fresh      noise, and a new key whenever it is caught
refuser    refuses every task
silent     takes leases and never answers
malformed  answers what can be no outcome of this kernel
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cpushare.market.keys import KeyPair
from cpushare.market.messages import (
    Enrolment,
    HandBack,
    Lease,
    Outcome,
    TaskResult,
    WorkAnswer,
    WorkRequest,
)
from cpushare.market.order import SellOrder, write_order

if TYPE_CHECKING:
    from tests.market.simulator import Simulation

CHECKER_KIND = "honest"
KINDS = [
    "noise",
    "copier",
    "skipper",
    "mispricer",
    "ring",
    "twin",
    "sometimes",
    "sleeper",
    "fresh",
    "refuser",
    "silent",
    "malformed",
]
BATCH = 8


def truth(parameters: bytes) -> Outcome:
    """What a task really gives."""
    return _outcome(b"true" + parameters)


def _outcome(seed: bytes) -> Outcome:
    return Outcome(record={"total": int.from_bytes(hashlib.sha256(seed).digest()[:8], "big")})


class Seller:
    """A worker: its spool and its key outlive a crash, what it is computing does not."""

    def __init__(self, simulation: Simulation, kind: str, keys: KeyPair, account: KeyPair) -> None:
        self.world = simulation
        self.kind = kind
        self.keys = keys
        self.account = account
        self.is_enrolled = False
        self.spool: dict[int, TaskResult | HandBack] = {}
        self.computing: dict[int, Lease] = {}
        self.last: Outcome | None = None
        self.answered = 0
        self.keys_used = 1

    def wake(self) -> None:
        """One round: crash, compute, send, ask."""
        world = self.world
        if world.happens(world.weather.crash):
            self.computing.clear()
        if not self.is_enrolled:
            self._enrol()
        else:
            self._compute()
            self._ask()
        world.later(1 + world.random.random() * 4, self.wake)

    def _enrol(self) -> None:
        order = SellOrder(
            "https://exchange.example", self.world.operator.name, self.account.name, 1
        )
        enrolment = Enrolment(write_order(order, self.account), 1 << 40)
        keys = self.keys

        def enrolled(_: object) -> None:
            self.is_enrolled = keys is self.keys

        self.world.call(keys, lambda s: self.world.work.enrol(s, enrolment), enrolled)

    def _compute(self) -> None:
        for lease in list(self.computing.values()):
            if self.kind != "silent" and self.world.happens(0.8):
                del self.computing[lease.id]
                self.spool[lease.id] = self._answer(lease)
                self.answered += 1

    def _answer(self, lease: Lease) -> TaskResult | HandBack:
        if self.kind == "refuser":
            return HandBack(lease.id, "the task is bad", is_refused=True)
        if self.world.happens(0.02):
            return HandBack(lease.id, "the machine is busy")
        extra = 1 if self.kind == "mispricer" else 0
        return TaskResult(lease.id, lease.units + extra, self._outcome(lease.parameters))

    def _outcome(self, parameters: bytes) -> Outcome:
        noise = _outcome(self.world.random.randbytes(8))
        true = truth(parameters)
        self.last, last = true, self.last
        lies = {
            "noise": noise,
            "fresh": noise,
            "copier": last or true,
            "skipper": _outcome(b"nothing"),
            "ring": _outcome(b"ring" + parameters),
            "twin": _outcome(b"ring" + parameters),
            "malformed": Outcome(record={"other": 1}),
            "sometimes": noise if self.world.happens(0.1) else true,
            "sleeper": noise if self.answered > 3 * self.world.policy.probation else true,
        }
        return lies.get(self.kind, true)

    def _ask(self) -> None:
        """Send a part of the spool, and ask for more."""
        part = [number for number in self.spool if self.world.happens(0.8)]
        given = [self.spool[number] for number in part]
        rest = [number for number in self.spool if number not in part]
        request = WorkRequest(
            [each for each in given if isinstance(each, TaskResult)],
            [each for each in given if isinstance(each, HandBack)],
            [*self.computing, *rest],
            BATCH,
        )
        keys = self.keys

        def answered(answer: WorkAnswer) -> None:
            if keys is self.keys:
                self._take(answer, part)

        self.world.call(keys, lambda s: self.world.work.work(s, request), answered)

    def _take(self, answer: WorkAnswer, part: list[int]) -> None:
        for number in part:
            self.spool.pop(number, None)
        for number in answer.withdrawn:
            self.computing.pop(number, None)
        for lease in answer.leases:
            if lease.id not in self.spool:
                self.computing[lease.id] = lease
        caught = any("caught" in receipt.reason for receipt in answer.receipts)
        stands = next(w for w in self.world.store.workers.values() if w.key == self.keys.public)
        if self.kind == "fresh" and (caught or stands.standing == "caught") and self.keys_used < 6:
            self.keys_used += 1
            self.keys = KeyPair(self.world.random.randbytes(32))
            self.is_enrolled = False
            self.spool.clear()
            self.computing.clear()
