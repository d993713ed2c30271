"""cpushare verify: whether a result is what its program gives, by computing it here."""

from __future__ import annotations

from pathlib import Path

import click

from cpushare.buyer import records
from cpushare.buyer.checking import Checker
from cpushare.buyer.fetching import Answers
from cpushare.buyer.output import find_written
from cpushare.buyer.records import JobRecord
from cpushare.buyer.verbs import JSON, of_record
from cpushare.cpsc import output
from cpushare.images import Reading, read_image
from cpushare.market.messages import Outcome
from cpushare.market.rasters import blob_name, encode_raster
from vm.errors import Refused


@click.command(
    help="Compute a result here and say whether its bits are equal. RESULT is JOB:INDEX, or a file "
    "that 'cpushare results' wrote. Exit code 0 if they are, 1 if not."
)
@click.argument("result", metavar="JOB:INDEX|FILE")
@click.option("--interpret", is_flag=True, help="By the interpreter: slowly, with other code.")
@JSON
def command(result: str, interpret: bool, as_json: bool) -> int:
    """Compute, compare, tell."""
    record, index, file = _named(result)
    with of_record(record.exchange, record.certificate, record.account) as client:
        answers = Answers(client, record.job)
        answers.look()
        state = answers.latest.get(index)
        if state is None or state.outcome is None:
            raise Refused(f"task {index} of job {record.job[:12]} has no result yet")
        engine = "interpret" if interpret else ""
        with Checker(record.verified(), record.order, client.download, engine) as checker:
            mine = checker.outcome(index)
            how = checker.engine_name
    lines = _compared(state.outcome, mine, file)
    equal = all(theirs == here for _, theirs, here in lines)
    if as_json:
        fields = [{"what": w, "exchange": t, "here": h, "equal": t == h} for w, t, h in lines]
        output.result_json({"job": record.job, "task": index, "equal": equal, "parts": fields})
        return 0 if equal else 1
    where = "the interpreter" if how == "interpret" else "a strict child"
    output.result(f"task {index} of job {record.job}, computed here by {where}:")
    for what, theirs, here in lines:
        output.result(f"  {'equal ' if theirs == here else 'DIFFER'}  {what}  {theirs}")
        if theirs != here:
            output.result(f"          here{' ' * max(0, len(what) - 4)}  {here}")
    return 0 if equal else 1


def _named(result: str) -> tuple[JobRecord, int, tuple[str, Path] | None]:
    """The job, the task, and the out image's file if one was named."""
    job, colon, index = result.rpartition(":")
    if colon and index.isdigit() and not Path(result).exists():
        record = records.of_job(job)
        if int(index) >= record.order.tasks:
            raise Refused(f"the job has {record.order.tasks} tasks, counted from 0")
        return record, int(index), None
    if not Path(result).exists():
        raise Refused(f"{result} is no file, and no JOB:INDEX")
    manifest, written = find_written(Path(result))
    return records.of_job(manifest.job), written.task, (written.image, Path(result))


def _compared(
    theirs: Outcome, mine: Outcome, file: tuple[str, Path] | None
) -> list[tuple[str, str, str]]:
    """What is compared, as (what, what was given, what this machine gives)."""
    if theirs.trap or mine.trap:
        return [("trap", theirs.trap or "none", mine.trap or "none")]
    lines = [
        (f"image {name}, sha256", theirs.images.get(name, ""), mine.images[name])
        for name in mine.images
    ]
    lines += [
        (f"record {name}, bits", f"{theirs.record.get(name, -1):#x}", f"{bits:#x}")
        for name, bits in mine.record.items()
    ]
    if file is not None:
        name, path = file
        found = blob_name(encode_raster(read_image(path, Reading(most_pixels=1 << 62))))
        lines.append((f"file {path.name}, sha256", found, mine.images[name]))
    return lines
