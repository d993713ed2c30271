"""A whole run of the benchmark, as small as it gets, and the page that is made of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import page, tables
from bench.contender import COPY, OURS, PEER, C
from bench.session import Row
from tests.cpushare.cli import ROOT, needs_native


@needs_native
def test_a_run_reports_everybody() -> None:
    line = "--works to_float --size 64 --sweep 32 --rounds 2 --own-level --no-peers --json"
    command = [sys.executable, "-m", "bench", *line.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *rows, about = map(json.loads, done.stdout.splitlines())
    ours = [row for row in rows if row["family"] == OURS]
    assert [row["width"] for row in ours] == [64, 32]
    assert {row["form"] for row in ours} == {"map"}
    assert all(row["same_bytes"] and row["seconds"] > 0 for row in rows)
    assert "CPU" in about


def test_a_work_that_does_not_exist_is_refused() -> None:
    command = [sys.executable, "-m", "bench", "--works", "rasta"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no work 'rasta'" in done.stderr


def row(family: str, name: str, level: str, size: int, seconds: float, ratio: float) -> Row:
    moved = 2 * size * size
    return Row(
        "raster", size, size, family, name, level, "scalar" if family == OURS else "", seconds, 0.1,
        size * size / seconds / 1e6, moved / seconds / 1e9, 0.5, ratio, family != PEER, 0.02,
    )  # fmt: skip


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "DOCS", tmp_path)
    monkeypatch.setattr(page, "PAGE", tmp_path / "benchmarks.md")
    rows = [
        row(OURS, OURS, "x86-64-v3", 512, 1e-3, 2.0),
        row(OURS, OURS, "x86-64-v2", 512, 2e-3, 1.5),
        row(C, "gcc gather", "x86-64-v3", 512, 2e-3, 1.0),
        row(C, "gcc gather", "x86-64-v2", 512, 3e-3, 1.0),
        row(PEER, "pillow", "", 512, 4e-3, 0.5),
        row(COPY, "memcpy", "", 512, 5e-4, 4.0),
    ]
    sweep = [row(OURS, OURS, "x86-64-v3", 64, 1e-5, 3.0)]
    levels = ("x86-64-v3", "x86-64-v2")
    page.write(rows, sweep, {"start": 0.001}, {"CPU": "some"}, levels, 3)
    text = (tmp_path / "benchmarks.md").read_text()
    assert (
        "| Floyd-Steinberg | scalar | 262 ± 5% | 131 | gcc gather | **2.00** | **1.50** |" in text
    )
    assert "| pillow |  | 66 | 10% | 0.50 | 0.1 | 50% | other |" in text
    assert "| Floyd-Steinberg | 410 (3.00) | 262 (2.00) |" in text
    drawn = ElementTree.parse(tmp_path / page.PICTURE).getroot()
    assert drawn.tag.endswith("svg")


def test_who_did_not_take_part_leaves_a_gap() -> None:
    text = tables.summary([row(OURS, OURS, "x86-64-v3", 8, 1e-6, 0.0)], ("x86-64-v3",))
    assert "| Floyd-Steinberg | scalar | 64 ± 5% |  |  |  |  |  | 50% | 20 ms |" in text
