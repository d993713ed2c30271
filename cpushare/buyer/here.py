"""A study on an engine of one's own: the same file, without price and exchange."""

from __future__ import annotations

from pathlib import Path

from cpushare import batch
from cpushare.batch.plan import targeted
from cpushare.buyer.grid import sets_of
from cpushare.buyer.output import labels_of, out_images
from cpushare.buyer.study import Study
from cpushare.config import setting
from cpushare.cpsc import output
from vm import parameters as parameter_values
from vm.errors import Refused

TABLE = "table.csv"


def run_here(study: Study, folder: str | None, *, as_json: bool) -> int:
    """Run every parameter set as `cpsc run` does, into a folder for each; gives the exit code.

    Records go to `table.csv` in it. Raises `Refused` without a folder.
    """
    if folder is None:
        raise Refused(f"where to? -o DIR: the study's engine is '{study.engine}', so it runs now")
    kernel, verified = study.kernel, study.program.verified
    sets = [parameter_values.by_name(kernel, each) for each in sets_of(kernel, study.axes)]
    worst = 0
    for values, label in zip(sets, labels_of(sets), strict=True):
        place = Path(folder) / label
        place.mkdir(parents=True, exist_ok=True)
        targets = (f"{place}/",) if out_images(kernel) else ()
        tasks = targeted(kernel, study.files, targets)
        work = batch.Work(
            verified.encoded,
            kernel.name,
            values,
            study.reading,
            study.engine,
            setting("jobs"),
            setting("memory_bytes"),
            True,
            study.checked,
            resumes=len(tasks) > 1 and setting("result_bytes") > 0,
            tasks=len(tasks),
        )
        if label:
            output.note(f"{label}:")
        table = str(place / TABLE) if kernel.fields else None
        worst = batch.run(work, verified, tasks, as_json=as_json, table=table) or worst
    return worst
