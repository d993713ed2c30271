"""Records as rows: on standard output, as CSV, JSON lines and Parquet, with failures among them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import cpushare
from cpushare.writing import write_image
from tests.cpushare.cli import DITHER, cpsc, needs_native

KERNEL = """record Row {
    /// The mean level.
    mean: f64,
    dark: bool,
    first: u8,
    src: f32,
}

kernel stats(in src: image<u8>, param weights: [i32; 2] = [1, 2], param gain: f64 = 0.5) -> Row {
    require(src[0, 0] < 250, "too bright");
    let total = sum(i64(src[x, y]) for (x, y) in src);
    return Row(f64(total) * gain, total < 100, src[0, 0], f32(gain) / 0.0);
}
"""
COLUMNS = ["src", "weights", "gain", "mean", "dark", "first", "src (result)", "error"]


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """The kernel, and a folder of three pictures: dark, bright, too bright."""
    path = tmp_path / "stats.cps"
    path.write_text(KERNEL)
    folder = tmp_path / "in"
    folder.mkdir()
    for name, level in (("a", 1), ("b", 40), ("c", 255)):
        write_image(folder / f"{name}.png", np.full((3, 4), level, np.uint8))
    return path


@pytest.mark.parametrize("engine", [[], ["--interpret"]], ids=["native", "interpret"])
def test_one_record_is_shown(kernel: Path, engine: list[str]) -> None:
    said = cpsc("run", kernel, kernel.parent / "in" / "b.png", *engine)
    if said.code == 5 and not engine:
        pytest.skip("no child here")
    assert said.code == 0
    assert [line.split() for line in said.out.splitlines()] == [
        ["mean", "=", "240.0"], ["dark", "=", "false"], ["first", "=", "40"], ["src", "=", "inf"],
    ]  # fmt: skip


def test_a_batch_is_a_table_with_its_failures(kernel: Path) -> None:
    said = cpsc("run", kernel, kernel.parent / "in", "--interpret", "--gain", "2")
    assert said.code == 3
    header, *rows = csv.reader(said.out.splitlines())
    assert header == COLUMNS
    assert [row[3] for row in rows] == ["24.0", "960.0", ""]
    assert rows[0][1:3] == ["1 2", "2.0"]
    assert "too bright" in rows[2][-1]
    assert "2 of 3" in said.err


@needs_native
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_every_kind_of_table_holds_the_same(kernel: Path, suffix: str) -> None:
    table = kernel.with_name(f"rows{suffix}")
    said = cpsc("run", kernel, kernel.parent / "in", "--table", table, "-j", "3")
    assert said.code == 3
    assert said.out == ""
    if suffix == ".csv":
        rows = [row[3:5] for row in csv.reader(table.read_text().splitlines())][1:]
        assert rows == [["6.0", "true"], ["240.0", "false"], ["", ""]]
    elif suffix == ".jsonl":
        objects = [json.loads(line) for line in table.read_text().splitlines()]
        assert [list(each) for each in objects] == [COLUMNS] * 3
        assert [each["mean"] for each in objects] == [6.0, 240.0, None]
        assert objects[0]["src (result)"] == "inf"
        assert objects[0]["weights"] == [1, 2]
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        found = parquet.read_table(table)
        assert found.column_names == COLUMNS
        assert found.column("mean").to_pylist() == [6.0, 240.0, None]
        assert str(found.schema.field("first").type) == "uint8"
        assert str(found.schema.field("dark").type) == "bool"


def test_json_objects_hold_the_record(kernel: Path) -> None:
    picture = kernel.parent / "in" / "a.png"
    (entry,) = cpsc("run", kernel, picture, "--interpret", "--json").objects
    assert entry["record"] == {"mean": 6.0, "dark": True, "first": 1, "src": "inf"}
    assert entry["output"] == {}


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--table", "x.txt"], ".parquet"),
        (["-o", "x.png"], "--table"),
    ],
)
def test_what_makes_no_sense_is_refused(kernel: Path, arguments: list[str], hint: str) -> None:
    said = cpsc("run", kernel, kernel.parent / "in" / "a.png", *arguments)
    assert said.code == 2
    assert hint in said.err


def test_a_kernel_without_a_record_has_no_table(kernel: Path) -> None:
    table = kernel.with_name("t.csv")
    said = cpsc("run", DITHER, kernel.parent / "in" / "a.png", "--table", table)
    assert said.code == 2
    assert "gives no record" in said.err
    assert not table.exists()


def test_in_python(kernel: Path) -> None:
    with cpushare.compile(kernel) as program:
        result = program.run(engine="interpret", src=np.full((2, 2), 9, np.uint8))
    assert result.record["mean"] == 18.0
    assert result.record["dark"] is True
    assert "mean" in repr(result)


def test_info_tells_of_the_record(kernel: Path) -> None:
    assert "gives mean: f64  The mean level." in cpsc("info", kernel).out
    (entry,) = cpsc("info", kernel, "--json").objects
    assert [field["name"] for field in entry["record"]] == ["mean", "dark", "first", "src"]
