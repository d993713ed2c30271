"""`make market`: all that a user would do, in one go, ends well and leaves nothing running."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.market.selling import CALM


def test_a_whole_market_shows_itself(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "cpushare.showcase", "--tiles", "6", "--out", str(tmp_path)]
    done = subprocess.run(
        line, capture_output=True, text=True, timeout=300, env={**os.environ, **CALM}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The books are right: all accounts together have 0." in done.stdout
    (folder,) = tmp_path.iterdir()
    rows = list(csv.DictReader((folder / "table.csv").read_text().splitlines()))
    assert len(rows) == 12
    assert not any(row["error"] for row in rows)
    assert len(list((folder / "halftones").rglob("*.png"))) == 12
    with Image.open(folder / "plot.png") as plot:
        assert plot.size == (600, 540)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        assert os.fsencode(tmp_path) not in command
