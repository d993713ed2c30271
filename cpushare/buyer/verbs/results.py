"""cpushare results: images and tables of a job, and whether they are right."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import click

from cpushare import tables
from cpushare.buyer import records
from cpushare.buyer.checking import Checker, Disputes
from cpushare.buyer.fetching import Answers, fetch_blobs
from cpushare.buyer.output import Results, out_images
from cpushare.buyer.sending import patiently
from cpushare.buyer.verbs import of_record
from cpushare.buyer.verbs.submit import progress
from cpushare.cpsc import exits, output
from cpushare.engines.engine import processors
from cpushare.market.messages import JobOrder, Outcome, TaskState
from cpushare.market.states import OVER
from cpushare.wire.client import ExchangeClient
from vm.errors import Refused
from vm.verifier import VerifiedModule

SAMPLE = 5
"""How many results are computed again here unless something else is wanted."""
TASKS_AT_ONCE = 128
WAIT_S = 0.5
DIFFERS = "this machine computes something else"


class Verify(click.ParamType):  # type: ignore[type-arg]
    """How many results to compute again: a number, or all, or none."""

    name = "N|all|none"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """The number; -1 for all."""
        words = {"all": -1, "none": 0}
        text = str(value)
        if text in words:
            return words[text]
        if not text.lstrip("-").isdigit() or int(text) < -1:
            self.fail(f"'{text}' is no number, nor all, nor none", param, ctx)
        return int(text)


@click.command(
    help="Fetch a job's images and records. A random sample is computed again on this machine, and "
    "what differs is disputed. What is there already is not fetched again."
)
@click.argument("job")
@click.option("-o", "--output", "folder", metavar="DIR", help="Where images go.")
@click.option("--table", metavar="T.parquet|.csv|.jsonl", help="Where records go, a row a task.")
@click.option(
    "--verify", type=Verify(), help=f"How many to compute again here.  [default: {SAMPLE}]"
)
@click.option("--wait", is_flag=True, help="Wait until the job has ended.")
def command(job: str, folder: str | None, table: str | None, verify: int | None, wait: bool) -> int:
    """Fetch, check, write, tell."""
    record = records.of_job(job)
    verified = record.verified()
    kernel = verified.kernels[record.order.kernel].kernel
    if table is not None:
        tables.check(kernel, table)
    if folder is not None and not out_images(kernel):
        raise Refused(f"kernel '{kernel.name}' writes no image; its records go to --table")
    if folder is None and table is None and out_images(kernel):
        raise Refused("where to? -o DIR for the images" + (", --table" if kernel.fields else ""))
    with of_record(record.exchange, record.certificate, record.account) as client:
        answers = Answers(client, record.job)
        check = _Check(client, verified, record.order, answers, verify)
        for _ in _looks(answers, check, wait):
            check.run()
        results = Results(record, kernel, folder)
        _write(client, results, answers, check.wrong)
        code = _tell(results, answers, check, table)
        if record.order.trust == "self" and check.is_content(record.order.tasks):
            client.accept(record.job)
            output.note("all of it was checked here, and its sellers are paid")
    return code


def _looks(answers: Answers, check: _Check, wait: bool) -> Iterator[None]:
    """What there is now; with `wait` until the job has ended, or until its buyer is content."""
    while True:
        answers.look()
        yield
        status = patiently(lambda: answers.client.status(answers.job))
        is_over = status.state in OVER or check.is_content(status.tasks - status.failed)
        if not wait or is_over:
            break
        time.sleep(WAIT_S)
    answers.look()
    yield


class _Check:
    """Which tasks are computed again here, and which of them differ."""

    def __init__(
        self,
        client: ExchangeClient,
        verified: VerifiedModule,
        order: JobOrder,
        answers: Answers,
        wanted: int | None,
    ) -> None:
        self.client = client
        self.verified = verified
        self.order = order
        self.answers = answers
        every = -1 if order.trust == "self" else SAMPLE
        self._wanted = every if wanted is None else wanted
        self._sample: set[int] | None = None
        self._right: dict[int, Outcome] = {}
        self._disputes = Disputes(client, answers.job)

    def run(self) -> None:
        """Compute what of the sample has been answered since, and dispute what differs."""
        if self._sample is None:
            self._sample = _drawn(self.answers, self.order.tasks, self._wanted)
        due = [
            (index, state.outcome)
            for index in sorted(self._sample)
            if (state := self.answers.latest.get(index))
            and state.outcome
            and self._right.get(index) != state.outcome
        ]
        self._disputes.send()
        if not due:
            return
        with (
            Checker(self.verified, self.order, self.client.download) as checker,
            progress("checked", len(due)) as advance,
        ):
            for index, outcome in due:
                if checker.agrees(index, outcome):
                    self._right[index] = outcome
                    self._disputes.agrees(index)
                else:
                    self._disputes.differs(index)
                advance()

    @property
    def wrong(self) -> set[int]:
        """Tasks that give something else here."""
        return self._disputes.wrong

    @property
    def checked(self) -> int:
        """How many were computed again."""
        return len(self._right) + len(self.wrong)

    def is_content(self, tasks: int) -> bool:
        """Whether so many tasks were answered, all of them were computed again, and are right."""
        return not self.wrong and self._wanted < 0 and len(self._right) == tasks


def _drawn(answers: Answers, tasks: int, wanted: int) -> set[int]:
    """Tasks by chance, of those that are answered if the job goes on."""
    there = [index for index, state in answers.latest.items() if state.outcome]
    if wanted < 0 or wanted >= tasks:
        return set(range(tasks))
    among = there if len(there) >= wanted else list(range(tasks))
    return set(secrets.SystemRandom().sample(among, wanted))


def _write(client: ExchangeClient, results: Results, answers: Answers, wrong: set[int]) -> None:
    """Fetch and write what is not there yet, many images at a time."""
    good = [s for s in answers.latest.values() if s.outcome and s.index not in wrong]
    try:
        with progress("fetched", len(good)) as advance, ThreadPoolExecutor(processors()) as pool:
            for start in range(0, len(good), TASKS_AT_ONCE):
                some = good[start : start + TASKS_AT_ONCE]
                _write_some(client, results, some, pool)
                for _ in some:
                    advance()
    except OSError as error:
        text = f"{error.strerror or error}: what is written stays, and 'cpushare results' goes on"
        raise OSError(error.errno, text, error.filename) from None
    finally:
        with suppress(OSError):
            results.finish()


def _write_some(
    client: ExchangeClient, results: Results, some: list[TaskState], pool: ThreadPoolExecutor
) -> None:
    outcomes = [(state.index, state.outcome) for state in some if state.outcome is not None]
    lacking = list(pool.map(lambda each: results.wanted(*each), outcomes))
    blobs = dict(fetch_blobs(client, [name for names in lacking for name in names]))
    to_write = [each for each, names in zip(outcomes, lacking, strict=True) if names]
    missing = {n for _, o in to_write for n in o.images.values()} - set(blobs)
    blobs.update(fetch_blobs(client, missing))
    list(pool.map(lambda each: results.write(each[0], each[1], blobs), to_write))


def _tell(results: Results, answers: Answers, check: _Check, table: str | None) -> int:
    """The table, what failed, what was checked; gives the exit code."""
    rows, failures, code = [], 0, exits.OK
    tasks = results.order.tasks
    for index in range(tasks):
        state = answers.latest.get(index)
        failure = "" if state is None else state.failure
        outcome = None if state is None else state.outcome
        if outcome is None and not failure:
            failure = "not done"
        failure = DIFFERS if index in check.wrong else failure
        row = results.row(index, outcome, failure)
        rows.append(row)
        if row[tables.ERROR] is not None and (outcome is not None or failure != "not done"):
            failures += 1
            trapped = outcome is not None and outcome.trap and index not in check.wrong
            code = code or (exits.TRAPPED if trapped else exits.BAD)
            output.error(f"task {index}, {_named(row, results)}: {row[tables.ERROR]}")
    if table is not None:
        tables.write(table, results.kernel, rows)
        output.note(f"{table}: {tasks} rows")
    elif not out_images(results.kernel):
        output.result(tables.csv_text(results.kernel, rows).rstrip("\n"))
    done = sum(1 for state in answers.latest.values() if state.outcome)
    final = sum(1 for state in answers.latest.values() if state.is_final)
    output.note(f"{done} of {tasks} tasks done, {final} of them final; {failures} failed")
    output.note(f"{check.checked} computed again here: {len(check.wrong) or 'none'} differ")
    return code


def _named(row: dict[str, tables.Cell], results: Results) -> str:
    """What a task is of: its files."""
    return ", ".join(str(row[name]) for name in results.files[0]) or results.kernel.name
