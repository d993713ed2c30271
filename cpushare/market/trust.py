"""How far strangers are trusted: which results are checked, and what that costs.

    spot   all results of a new worker are checked, then a share of them, drawn at random
    pair   every result is checked
    self   none is; the buyer computes what it likes again, and disputes what differs

A check is the same task, given to another worker of another account, which cannot tell it from any
other. What a worker earns is held back until its job ends; when it is caught in a lie, all of that
is void and done again. So a liar who lies k times in a job gets away with probability (1 - share)^k
once it is no longer new: whatever it does, it can expect at most 1/(e·share) wrong results.
"""

from __future__ import annotations

from fractions import Fraction

from msgspec import Struct

from cpushare.market.states import Standing, Worker

RESERVES = {"spot": Fraction(5, 4), "pair": Fraction(21, 10), "self": Fraction(11, 10)}
"""What a job sets aside, in parts of what its tasks earn: the rest pays those who check or judge,
and what nobody earned comes back."""


class TrustPolicy(Struct, frozen=True):
    """What an exchange demands.

    A worker is trusted after `probation` checks have passed; then `share` of its results are
    checked. Pay is held back until the job ends or for `hold_s`. New workers hold at most
    `new_leases` tasks, others `most_leases`; after `patience_s` a check that nobody took goes to
    the exchange's own worker; a task that was handed back `most_failures` times is given up.
    """

    probation: int = 20
    share: float = 0.1
    hold_s: float = 86_400.0
    new_leases: int = 16
    most_leases: int = 256
    patience_s: float = 2.0
    most_failures: int = 5

    def wants_check(self, trust: str, worker: Worker, draw: float) -> bool:
        """Whether an outcome that nobody else has given yet is checked; `draw` is in [0, 1)."""
        if trust == "self" or worker.standing is Standing.CHECKER:
            return False
        if trust == "pair":
            return True
        return worker.standing is Standing.NEW or draw < self.share

    def leases(self, worker: Worker) -> int:
        """How many leases a worker may hold."""
        if worker.standing is Standing.CAUGHT:
            return 0
        return self.new_leases if worker.standing is Standing.NEW else self.most_leases

    def standing(self, worker: Worker) -> Standing:
        """Where a worker stands by the checks that it has passed."""
        if worker.standing not in (Standing.NEW, Standing.TRUSTED):
            return worker.standing
        return Standing.TRUSTED if worker.checks_passed >= self.probation else Standing.NEW


def reserve(trust: str, pay: int, most: int) -> int:
    """What is set aside for tasks that earn `pay` micro-coins together, the dearest of them `most`.

    Rounded up; however few there are, one can be checked or judged.
    """
    whole = RESERVES[trust] * pay
    return max(-(-whole.numerator // whole.denominator), pay + most)
