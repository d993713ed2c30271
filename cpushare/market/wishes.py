"""What workers wish for, and which of the waiting executions each of them gets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from cpushare.market.states import Execution, Purpose, Standing, Worker


class Wish(Struct, frozen=True, gc=False):
    """A worker asks for as many executions as `count` and units of work allow, one at least."""

    worker: Worker
    count: int
    units: int

    def suits(self, execution: Execution, checks_before: float) -> bool:
        """Whether the worker may have it.

        The exchange's own gets what is for it, and checks that wait since before `checks_before`;
        others what is not, of a price and a memory that suit them, and no second execution of what
        they or their account are to avoid.
        """
        worker = self.worker
        if worker.id == execution.avoid_worker:
            return False
        if worker.standing is Standing.CHECKER:
            late = execution.purpose is Purpose.CHECK and execution.since <= checks_before
            return execution.for_checker or late
        return (
            not execution.for_checker
            and execution.price >= worker.min_price
            and execution.memory_bytes <= worker.memory_bytes
            and (not execution.avoid_account or execution.avoid_account != worker.account)
        )


def deal(
    waiting: Iterable[Execution], wishes: Sequence[Wish], checks_before: float
) -> list[list[Execution]]:
    """Deal executions, the best first, to those who wish for some, who came first first."""
    left = list(waiting)
    dealt = []
    for wish in wishes:
        taken: list[Execution] = []
        passed: list[Execution] = []
        units, seen = wish.units, 0
        for each in left:
            if len(taken) == wish.count:
                break
            if wish.suits(each, checks_before):
                units -= each.units
                if units < 0 and taken:
                    break
                taken.append(each)
            else:
                passed.append(each)
            seen += 1
        left = passed + left[seen:]
        dealt.append(taken)
    return dealt
