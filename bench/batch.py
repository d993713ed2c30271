"""`python -m bench.batch`: how much faster a batch is on all processors than on one.

Pictures are read, dithered by examples/dither.cps and written, as `cpsc run` does it. One and all
take turns, and the best of each counts, since whatever else the machine does only adds to it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.works import EXAMPLES, RASTER
from cpushare.cpsc.main import run
from cpushare.engines.engine import processors
from cpushare.writing import write_image


def make_pictures(folder: Path, count: int, side: int) -> None:
    """Pictures of which no two are the same."""
    base = RASTER.picture(side, side)
    for k in range(count):
        write_image(folder / f"{k:05}.png", np.roll(base, k, axis=1))


def seconds(folder: Path, jobs: int, engine: str) -> tuple[float, float]:
    """The time of one batch, start of its processes included: on the clock, and of processors."""
    out = folder.with_name("out")
    line = ["run", str(EXAMPLES / "dither.cps"), str(folder), "-o", str(out), "-j", str(jobs)]
    began, worked = time.perf_counter(), processor_seconds()
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = run([*line, "--force", "--engine", engine])
    taken = time.perf_counter() - began
    if code:
        raise SystemExit(said.getvalue())
    shutil.rmtree(out)
    return taken, processor_seconds() - worked


def processor_seconds() -> float:
    """What this process and those that it has waited for have used."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(kind) for kind in kinds]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(prog="python -m bench.batch", description=__doc__)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--side", type=int, default=512, help="of a picture, in pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", default="local")
    options = parser.parse_args()
    many = processors()
    taken: dict[int, list[tuple[float, float]]] = {1: [], many: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        folder.mkdir()
        make_pictures(folder, options.pictures, options.side)
        for _ in range(options.rounds):
            for jobs, times in taken.items():
                times.append(seconds(folder, jobs, options.engine))
    for jobs, times in taken.items():
        clock, worked = min(times)
        print(
            f"{jobs} at once: {clock:7.2f} s {options.pictures / clock:8.1f} pictures/s "
            f"{worked:7.2f} s of processors ({worked / clock:.2f} busy)"
        )
    ratios = [one / all_ for (one, _), (all_, _) in zip(taken[1], taken[many], strict=True)]
    best = min(taken[1])[0] / min(taken[many])[0]
    print(f"ratio of the best: {best:.2f} (rounds: {min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
