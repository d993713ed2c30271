"""What trust costs and keeps: wrong results and work, against the share of sellers that lie.

    python -m tests.market.curves --write     # make trust: docs/trust.json, .svg, docs/market.md

The rules alone run, on a desk that holds everything: a job of `SELLERS * EACH` tasks, dealt to
sellers at random, and whatever the rules ask for besides. Seeds make it the same every time.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from cpushare.market.desk import Desk
from cpushare.market.messages import Outcome, TaskResult, canonical
from cpushare.market.rules import Rules
from cpushare.market.states import Execution, Job, JobState, Purpose, Standing, Task, Worker
from cpushare.market.trust import TrustPolicy, reserve

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "docs/trust.json"
PLOT = ROOT / "docs/images/trust.svg"
PAGE = ROOT / "docs/market.md"
BEGIN, END = "<!-- trust: begin -->", "<!-- trust: end -->"
SELLERS = 10
EACH = 1000
"""Tasks that fall to a seller."""
RUNS = 8
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
CHECKER = 1000
RIGHT = Outcome(record={"total": 0})


class Case(Struct, frozen=True):
    """One curve: how the liars go about it, under which level of trust."""

    name: str
    trust: str
    rate: float
    is_ring: bool = False
    is_trusted: bool = False


CASES = (
    Case("spot, lies 1 in 10", "spot", 0.1),
    Case("spot, lies 1 in 100", "spot", 0.01),
    Case("spot, lies 1 in 100, known sellers", "spot", 0.01, is_trusted=True),
    Case("spot, lies 1 in 1000", "spot", 0.001),
    Case("spot, a ring lies 1 in 100", "spot", 0.01, is_ring=True),
    Case("pair, lies 1 in 100", "pair", 0.01),
    Case("pair, a ring lies 1 in 100", "pair", 0.01, is_ring=True),
    Case("pair, a ring lies 1 in 1000", "pair", 0.001, is_ring=True),
)


class Run:
    """One job, done by sellers of whom the first few lie."""

    def __init__(self, case: Case, liars: int, seed: int, policy: TrustPolicy) -> None:
        self.case, self.liars = case, liars
        self.random = random.Random(seed)
        self.policy = policy
        self.desk = Desk()
        self.rules = Rules(
            self.desk, policy, 0.0, self.random.random, lambda: self.random.getrandbits(62)
        )
        passed = policy.probation if case.is_trusted else 0
        standing = Standing.TRUSTED if case.is_trusted else Standing.NEW
        for n in range(1, SELLERS + 1):
            self.desk.lay(Worker(n, b"", n, standing, 1, 1, checks_passed=passed))
        self.desk.lay(Worker(CHECKER, b"", CHECKER, Standing.CHECKER, 1, 1))
        tasks, units, price = SELLERS * EACH, 10**9, 1000
        pay = tasks * price
        total = reserve(case.trust, pay, price)
        running = JobState.RUNNING
        self.desk.lay(
            Job(1, "", 0, 0, running, case.trust, price, tasks, total, total - pay,
                0.0, 0.0, "", "", False, "")
        )  # fmt: skip
        self.waiting: deque[Execution] = deque()
        for index in range(tasks):
            self.desk.lay(Task(1, index, b""))
            first = Execution(index, 1, index, Purpose.FIRST, price, units, 1, price)
            self.desk.lay(first)
            self.waiting.append(first)
        self.work = 0
        self.checker_work = 0

    def run(self) -> tuple[float, float, float]:
        """Wrong results, work, and work of the exchange's own worker, in parts of the tasks."""
        while self.waiting:
            execution = self.desk.executions[self.waiting.popleft().id]
            if not execution.is_open:
                continue
            worker = self._worker(execution)
            self.rules.grant(execution, worker, 0.0)
            outcome = self._outcome(worker, execution)
            self.rules.answer(worker, TaskResult(execution.id, execution.units, outcome))
            self.work += 1
            self.checker_work += worker.id == CHECKER
            self.waiting.extendleft(self.desk.executions[n] for n in sorted(self.desk.new))
            self.desk.new.clear()
            self.desk.transfers.clear()
        count = len(self.desk.tasks)
        right = canonical(RIGHT)
        wrong = sum(task.outcome != right for task in self.desk.tasks.values())
        return wrong / count, self.work / count, self.checker_work / count

    def _worker(self, execution: Execution) -> Worker:
        able = [
            worker
            for n in range(1, SELLERS + 1)
            if (worker := self.desk.workers[n]).standing is not Standing.CAUGHT
            and n != execution.avoid_worker
            and (not execution.avoid_account or n != execution.avoid_account)
        ]
        if execution.for_checker or not able:
            return self.desk.workers[CHECKER]
        return self.random.choice(able)

    def _outcome(self, worker: Worker, execution: Execution) -> Outcome:
        if worker.id > self.liars:
            return RIGHT
        if self.case.is_ring:
            lies = random.Random(execution.index).random() < self.case.rate
            return Outcome(record={"total": 1}) if lies else RIGHT
        if self.random.random() < self.case.rate:
            return Outcome(record={"total": 1 + self.random.getrandbits(40)})
        return RIGHT


def measure(policy: TrustPolicy, runs: int = RUNS) -> list[dict[str, Any]]:
    """All curves: for each share of liars, the mean of some runs."""
    rows = []
    for case in CASES:
        for share in SHARES:
            found = [
                Run(case, round(share * SELLERS), seed, policy).run()
                for seed in range(runs if share else 1)
            ]
            wrong, work, own = (sum(column) / len(found) for column in zip(*found, strict=True))
            rows.append(
                {
                    "case": case.name,
                    "liars": share,
                    "wrong": round(wrong, 6),
                    "work": round(work, 4),
                    "exchange": round(own, 4),
                }
            )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The curves as a table of docs/market.md."""
    lines = [
        "| sellers that lie | " + " | ".join(f"{share:.0%}" for share in SHARES) + " |",
        "| --- |" + " ---: |" * len(SHARES),
    ]
    for case in CASES:
        mine = [row for row in rows if row["case"] == case.name]
        cells = " | ".join(f"{row['wrong'] * 1e4:.1f}, {row['work']:.2f} ×" for row in mine)
        lines.append(f"| {case.name} | {cells} |")
    return "\n".join(lines)


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """The curves as a picture."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "trust"}
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for case in CASES:
        mine = [row for row in rows if row["case"] == case.name]
        liars = [100 * row["liars"] for row in mine]
        left.plot(liars, [1e4 * row["wrong"] for row in mine], marker=".", label=case.name)
        right.plot(liars, [row["work"] for row in mine], marker=".")
    left.set(xlabel="sellers that lie, %", ylabel="wrong results in 10,000")
    right.set(xlabel="sellers that lie, %", ylabel="work, × the tasks")
    figure.legend(loc="outside lower center", ncols=3, fontsize="x-small")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def page_with(text: str, rows: list[dict[str, Any]]) -> str:
    """docs/market.md with the table of these rows."""
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{table(rows)}\n{END}{rest.split(END)[1]}"


def main(policy: Callable[[], TrustPolicy] = TrustPolicy) -> None:
    """Measure, and show or write."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    rows = measure(policy())
    print(table(rows))
    if given.write:
        MEASURED.write_text(json.dumps(rows, indent=1) + "\n")
        plot(rows, PLOT)
        PAGE.write_text(page_with(PAGE.read_text(), rows))


if __name__ == "__main__":
    main()
