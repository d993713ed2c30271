"""`python -m bench.batch`: how much faster a batch is on all processors than on one.

Pictures are read, dithered by examples/dither.cps and written, as `cpsc run` does it. The jobs take
turns, a part of the pictures at a time, so that what else the machine does strikes both alike.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.__main__ import picture
from bench.ours import EXAMPLES
from cpushare.cpsc.main import run
from cpushare.engines.engine import processors
from cpushare.writing import write_image


def make_pictures(folder: Path, count: int, side: int) -> None:
    """Pictures of which no two are the same, in folders of a part each."""
    base = picture(side, side)
    for k in range(count):
        write_image(folder / f"{k:05}.png", np.roll(base, k, axis=1))


def seconds(folder: Path, jobs: int, engine: str) -> float:
    """The time of one batch, start of its processes included."""
    out = folder.with_name("out")
    line = ["run", str(EXAMPLES / "dither.cps"), str(folder), "-o", str(out), "-j", str(jobs)]
    began = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = run([*line, "--force", "--engine", engine])
    taken = time.perf_counter() - began
    if code:
        raise SystemExit(said.getvalue())
    shutil.rmtree(out)
    return taken


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(prog="python -m bench.batch", description=__doc__)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--side", type=int, default=512, help="of a picture, in pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", default="local")
    options = parser.parse_args()
    many = processors()
    taken: dict[int, list[float]] = {1: [], many: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        folder.mkdir()
        make_pictures(folder, options.pictures, options.side)
        for _ in range(options.rounds):
            for jobs, times in taken.items():
                times.append(seconds(folder, jobs, options.engine))
    for jobs, times in taken.items():
        best = statistics.median(times)
        print(f"{jobs} at once: {best:7.2f} s {options.pictures / best:8.1f} pictures/s")
    ratios = [one / all_ for one, all_ in zip(taken[1], taken[many], strict=True)]
    print(f"ratio: {statistics.median(ratios):.2f} (of {min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
