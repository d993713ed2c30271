"""What may happen to tasks and leases: pure decisions on the rows that lie on a desk.

                         answer            the job ends
    WAITING ⇄ LEASED ─────────────▶ HELD ───────────────▶ PAID
       ▲  expiry, hand back          │
       └── the task, again ◀── VOID ◀┘ its worker was caught

Time and randomness come in with `Rules`. Nothing here reads or writes anything else, so that a
seed replays whatever happens (tests/market/simulator.py). Money moves by transfers that are
put on the desk with what they pay for: see cpushare/market/ledger.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from msgspec import structs

from cpushare.market.coins import pay_of
from cpushare.market.desk import Desk
from cpushare.market.errors import Forbidden, TooMuch
from cpushare.market.ledger import Step, Transfer, execution_transfer_id, transfer_id
from cpushare.market.messages import HandBack, Receipt, TaskResult, canonical
from cpushare.market.states import (
    Execution,
    Job,
    JobState,
    Purpose,
    Stage,
    Standing,
    Task,
    TaskStage,
    Worker,
)
from cpushare.market.trust import TrustPolicy

LEASE_S = 60.0
"""The shortest lease; long tasks get more."""
SLOWEST_UNITS_S = 1_000_000_000
"""Cost units a second of the slowest worker that is waited for, less than a tenth of a usual one's.

One that is slower still may answer late, as long as nobody else has been given the task.
"""


class Rules:
    """Decisions at one moment: `now` in seconds, `draw` gives uniform numbers in [0, 1), `fresh`
    numbers that name a new execution.
    """

    def __init__(
        self,
        desk: Desk,
        policy: TrustPolicy,
        now: float,
        draw: Callable[[], float],
        fresh: Callable[[], int],
    ) -> None:
        self.desk = desk
        self.policy = policy
        self.now = now
        self._draw = draw
        self._fresh = fresh

    # Leases.

    def grant(self, execution: Execution, worker: Worker, spare_s: float) -> Execution:
        """Put an execution into a worker's hands; `spare_s` is what lies before it in the batch."""
        work_s = execution.units / SLOWEST_UNITS_S
        if worker.standing is Standing.CHECKER and execution.purpose is Purpose.CHECK:
            execution = self._for_checker(execution)
        leased = structs.replace(
            execution,
            stage=Stage.LEASED,
            worker=worker.id,
            account=worker.account,
            deadline=self.now + LEASE_S + work_s + spare_s,
            since=self.now,
        )
        self.desk.put(leased)
        return leased

    def expire(self, execution: Execution) -> None:
        """Take back a lease whose time is over. Its worker may still answer, if it is first.

        Silence costs the worker one of the checks that it has passed, and so trust in the end.
        """
        if execution.stage is Stage.LEASED and execution.deadline <= self.now:
            self._unpass(execution.worker)
            self._come_to_nothing(execution)

    def hand_back(self, worker: Worker, returned: HandBack) -> None:
        """Take back what a worker gives back. What is not its lease is passed over."""
        execution = self.desk.executions.get(returned.lease)
        if execution is None or execution.worker != worker.id:
            return
        if execution.stage is Stage.LEASED:
            self._give_back(execution, worker, returned.reason if returned.is_refused else "")

    def _give_back(self, execution: Execution, worker: Worker, refusal: str) -> None:
        """Back to the others. Only what the exchange's own worker refuses is given up: strangers
        alone cannot spoil a task.
        """
        if refusal and worker.standing is Standing.CHECKER:
            self._fail(execution, refusal)
        else:
            self._come_to_nothing(execution)

    def _come_to_nothing(self, execution: Execution) -> None:
        """A lease has ended without an answer, for whatever reason: after some of them the task
        goes to the exchange's own worker, so that nobody can hold it up for long.
        """
        execution = structs.replace(execution, failures=execution.failures + 1)
        if execution.failures >= self.policy.most_failures:
            execution = self._for_checker(execution)
        self._requeue(execution)

    def _for_checker(self, execution: Execution) -> Execution:
        """The execution as one for the exchange's own worker. It checks for nothing, but is paid
        for the buyer's work like anybody: refusing tasks must not make them free.
        """
        if execution.purpose is not Purpose.CHECK:
            return structs.replace(execution, for_checker=True)
        if execution.pay:
            self._return_pay(execution)
        return structs.replace(execution, pay=0, for_checker=True)

    def _return_pay(self, check: Execution) -> None:
        job = self.desk.jobs[check.job]
        self.desk.put(structs.replace(job, checks_left=job.checks_left + check.pay))

    def _requeue(self, execution: Execution) -> None:
        stopping = self.desk.jobs[execution.job].state is not JobState.RUNNING
        stage = Stage.VOID if stopping and execution.purpose is Purpose.FIRST else Stage.WAITING
        self.desk.put(structs.replace(execution, stage=stage, since=self.now, deadline=0.0))

    def _fail(self, execution: Execution, reason: str) -> None:
        """Nobody can do the task: it is given up, and whoever answered it is not paid."""
        self.desk.put(structs.replace(execution, stage=Stage.FAILED, since=self.now))
        for other in self.desk.of_task(execution.task):
            if other.is_open or other.stage is Stage.HELD:
                self._void(other)
        task = self.desk.tasks[execution.task]
        failure = reason or "workers handed it back again and again"
        self._change(task, stage=TaskStage.FAILED, outcome=b"", failure=failure)

    # Answers.

    def answer(self, worker: Worker, result: TaskResult) -> Receipt:
        """Take a worker's outcome for a lease of its own, check or judge by it."""
        execution = self.desk.executions.get(result.lease)
        if execution is None or execution.worker != worker.id:
            return Receipt(result.lease, "refused", "that is no lease of yours")
        outcome = canonical(result.outcome)
        if execution.is_answered:
            if execution.outcome == outcome:
                return Receipt(result.lease, "known")
            return Receipt(result.lease, "refused", "you answered this before, otherwise")
        if not execution.is_open:
            return Receipt(result.lease, "refused", "the lease was withdrawn")
        if worker.standing is Standing.CAUGHT:
            return Receipt(result.lease, "refused", "this worker has been caught in a lie")
        if result.units != execution.units:
            if execution.stage is Stage.LEASED:
                self._give_back(execution, worker, "the work is counted otherwise")
            reason = f"the task is {execution.units} units of work, not {result.units}"
            return Receipt(result.lease, "refused", reason)
        self._hold(execution, worker, outcome)
        return Receipt(result.lease, "accepted")

    def _hold(self, execution: Execution, worker: Worker, outcome: bytes) -> None:
        mine = [e for e in self.desk.of_task(execution.task) if e.id != execution.id]
        others = [e for e in mine if e.is_answered]
        held = structs.replace(
            execution, stage=Stage.HELD, outcome=outcome, since=self.now, deadline=0.0
        )
        if execution.purpose is Purpose.JUDGE and any(e.outcome != outcome for e in others):
            held = self._free(held)
        self.desk.put(held)
        self.desk.put(structs.replace(worker, results=worker.results + 1))
        self._pay(held, Step.PENDING)
        task = self.desk.tasks[execution.task]
        judge = next((e for e in (held, *others) if e.purpose is Purpose.JUDGE), None)
        if judge is not None:
            self._judge(task, judge, [e for e in (held, *others) if e.id != judge.id])
        elif others:
            self._compare(held, others)
        else:
            self._change(task, stage=TaskStage.ANSWERED, outcome=outcome)
            if not any(e.is_open for e in mine):
                self._maybe_check(held, self.desk.workers[worker.id])

    def _maybe_check(self, held: Execution, worker: Worker) -> None:
        """Have somebody else do the task too, if trust asks for it."""
        if self.policy.wants_check(self.desk.jobs[held.job].trust, worker, self._draw()):
            self._ask(held, Purpose.CHECK, is_charged=True)

    def _ask(self, held: Execution, purpose: Purpose, *, is_charged: bool) -> None:
        """A new execution of a task; if the job is charged for it and has coins left for checks,
        it is paid from those.
        """
        job = self.desk.jobs[held.job]
        first_pay = pay_of(held.units, job.price)
        is_check = purpose is Purpose.CHECK
        is_paid = is_charged and job.checks_left >= first_pay
        if is_paid:
            self.desk.put(structs.replace(job, checks_left=job.checks_left - first_pay))
        self.desk.add(
            Execution(
                self._fresh(),
                held.job,
                held.index,
                purpose,
                job.price,
                held.units,
                held.memory_bytes,
                first_pay if is_paid else 0,
                avoid_worker=held.worker if is_check else 0,
                avoid_account=held.account if is_check else 0,
                for_checker=not (is_check and is_paid),
                since=self.now,
            )
        )

    def _compare(self, held: Execution, others: list[Execution]) -> None:
        if all(other.outcome == held.outcome for other in others):
            for each in (held, *others):
                self._passed(each)
        elif not any(e.purpose is Purpose.JUDGE for e in self.desk.of_task(held.task)):
            self._ask(held, Purpose.JUDGE, is_charged=False)

    def _judge(self, task: Task, judge: Execution, others: list[Execution]) -> None:
        """The exchange computed the task itself: who said something else has lied."""
        if task.stage is not TaskStage.FINAL:
            self._change(task, stage=TaskStage.ANSWERED, outcome=judge.outcome)
        for other in others:
            if other.outcome == judge.outcome:
                self._passed(other)
            else:
                self.catch(self.desk.workers[other.worker])

    def _passed(self, execution: Execution) -> None:
        """The outcome has been confirmed: once for each execution."""
        now = self.desk.executions[execution.id]
        if now.was_checked:
            return
        self.desk.put(structs.replace(now, was_checked=True))
        worker = self.desk.workers[execution.worker]
        worker = structs.replace(worker, checks_passed=worker.checks_passed + 1)
        self.desk.put(structs.replace(worker, standing=self.policy.standing(worker)))

    def _unpass(self, number: int) -> None:
        """One of the checks that a worker has passed counts no more."""
        worker = self.desk.workers.get(number)
        if worker is not None and worker.checks_passed:
            worker = structs.replace(worker, checks_passed=worker.checks_passed - 1)
            self.desk.put(structs.replace(worker, standing=self.policy.standing(worker)))

    def dispute(self, task: Task) -> None:
        """A buyer says that an outcome is wrong: the exchange computes it itself.

        That is paid like a check, and costs nothing if the buyer is right. Raises `Forbidden` for
        a task that does not change any more, `TooMuch` if the job has no coins for it.
        """
        mine = self.desk.of_task(task.key)
        answered = [e for e in mine if e.is_answered]
        job = self.desk.jobs[task.job]
        if task.stage is TaskStage.FINAL:
            raise Forbidden(f"task {task.index} is final: it was paid, or known before")
        if not answered or any(e.purpose is Purpose.JUDGE for e in mine):
            return
        if job.checks_left < pay_of(answered[0].units, job.price):
            raise TooMuch(f"the job has no coins left to have task {task.index} judged")
        self.desk.put(structs.replace(job, closes=0.0))
        self._ask(answered[0], Purpose.JUDGE, is_charged=True)

    # Liars.

    def catch(self, worker: Worker) -> None:
        """A worker has lied: what it has not been paid for is void, and done again.

        All that it holds or has been leased lies on the desk, with the tasks and their executions.
        """
        if self.desk.workers[worker.id].standing is Standing.CHECKER:
            return
        found = self.desk.workers[worker.id]
        self.desk.put(structs.replace(found, standing=Standing.CAUGHT))
        for number in [each.id for each in self.desk.of_worker(worker.id)]:
            execution = self.desk.executions[number]
            if execution.stage is Stage.LEASED:
                self._requeue(execution)
            elif execution.stage is Stage.HELD:
                self._void(execution)
                self._redo(execution)

    def _redo(self, void: Execution) -> None:
        """What a task is left with when an execution of it counts no more."""
        job, task = self.desk.jobs[void.job], self.desk.tasks[void.task]
        others = self.desk.of_task(void.task)
        answered = [each for each in others if each.is_answered]
        if answered:
            if task.outcome == void.outcome:
                best = min(answered, key=lambda e: (e.purpose is not Purpose.JUDGE, e.id))
                self._change(task, stage=TaskStage.ANSWERED, outcome=best.outcome)
            self._recheck(void, answered)
            return
        self._change(task, stage=TaskStage.OPEN, outcome=b"")
        if job.state is JobState.RUNNING and not any(each.is_open for each in others):
            self.desk.add(
                Execution(
                    self._fresh(),
                    void.job,
                    void.index,
                    Purpose.FIRST,
                    void.price,
                    void.units,
                    void.memory_bytes,
                    pay_of(void.units, job.price),
                    avoid_worker=void.worker,
                    since=self.now,
                )
            )

    def _recheck(self, void: Execution, answered: list[Execution]) -> None:
        """What only a liar has confirmed is not confirmed: liars may work together."""
        if not void.was_checked or len(answered) != 1:
            return
        (left,) = answered
        if left.stage is not Stage.HELD or left.purpose is Purpose.JUDGE:
            return
        if self.desk.workers[left.worker].standing is Standing.CHECKER:
            return
        self._unpass(left.worker)
        left = structs.replace(left, was_checked=False)
        self.desk.put(left)
        if not any(each.is_open for each in self.desk.of_task(left.task)):
            self._ask(left, Purpose.CHECK, is_charged=True)

    def _free(self, judge: Execution) -> Execution:
        """The execution of a judge that finds a lie: the job gets back what it was charged."""
        if judge.pay:
            self._return_pay(judge)
        return structs.replace(judge, pay=0)

    def _void(self, execution: Execution) -> None:
        """Take back an execution: its pay flows back to the job."""
        if execution.stage is Stage.HELD:
            self._pay(execution, Step.VOID)
        if execution.purpose is not Purpose.FIRST and execution.pay:
            self._return_pay(execution)
        self.desk.put(structs.replace(execution, stage=Stage.VOID, since=self.now))

    # Pay, and the end.

    def _pay(self, execution: Execution, step: Step) -> None:
        if not execution.pay:
            return
        job = self.desk.jobs[execution.job]
        first = execution_transfer_id(Step.PENDING, execution.id)
        self.desk.transfers.append(
            Transfer(
                execution_transfer_id(step, execution.id),
                step,
                job.escrow,
                execution.account,
                execution.pay,
                f"task of job {job.hash[:16]}",
                self.now,
                b"" if step is Step.PENDING else first,
            )
        )

    def settle(self, execution: Execution) -> None:
        """Pay for a held execution; its task does not change any more."""
        if execution.stage is not Stage.HELD:
            return
        self._pay(execution, Step.POST)
        self.desk.put(structs.replace(execution, stage=Stage.PAID, since=self.now))
        task = self.desk.tasks[execution.task]
        if task.stage is TaskStage.ANSWERED:
            self._change(task, stage=TaskStage.FINAL)

    def stop(self, job: Job, ending: JobState) -> None:
        """Begin nothing more of a job; what is leased or being checked may end."""
        if job.state is JobState.RUNNING:
            self.desk.put(structs.replace(job, state=JobState.STOPPING, ending=ending))

    def drop(self, execution: Execution) -> None:
        """Void what a stopping job would have begun."""
        stopping = self.desk.jobs[execution.job].state is not JobState.RUNNING
        waits = execution.stage is Stage.WAITING and execution.purpose is Purpose.FIRST
        if stopping and waits:
            self._void(execution)

    def end(self, job: Job, remainder: int) -> None:
        """Close a job that has nothing open and nothing held: what is left goes to the buyer."""
        if remainder:
            self.desk.transfers.append(
                Transfer(
                    transfer_id(f"refund {job.hash}"),
                    Step.MOVE,
                    job.escrow,
                    job.buyer,
                    remainder,
                    f"left over from job {job.hash[:16]}",
                    self.now,
                )
            )
        self.desk.put(structs.replace(job, state=job.ending, ended=self.now))

    def _change(self, task: Task, **fields: object) -> None:
        now = structs.replace(task, changed=int(self.now * 1000), **fields)
        self.desk.put(now)


def job_hash(document: bytes, buyer: bytes) -> str:
    """The name of a job: its order's bytes and its buyer."""
    return hashlib.sha256(b"CPUShare job 1\n" + buyer + document).hexdigest()
