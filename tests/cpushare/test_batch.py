"""Batches of pictures: what was done is not done again, what fails is told, how fast it goes."""

from __future__ import annotations

import csv
import os
import pty
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler.pipeline import compile_path
from cpushare.batch.plan import Files
from cpushare.batch.pool import Group, _as_they_end, _groups
from cpushare.batch.work import Done, Outcome, Work, Workshop
from cpushare.engines import Batch, Task
from cpushare.engines.warm import WarmRunners
from cpushare.images import Reading, read_image
from cpushare.program import Program
from cpushare.writing import write_image
from tests.cpushare.cli import DITHER, ROOT, command, cpsc, family, leftovers, needs_native
from vm.inputs import Outputs
from vm.verifier import verify

STATS = """record Row { mean: f64, first: u8 }

kernel stats(in src: image<u8>, out dst: image<u8>(src.width, src.height),
             param most: i32 = 250) -> Row {
    require(i32(src[0, 0]) < most, "too bright");
    map (x, y) in src { dst[x, y] = u8(255 - i32(src[x, y])); }
    let total = sum(i64(src[x, y]) for (x, y) in src);
    return Row(f64(total) / 12.0, src[0, 0]);
}
"""
ENDLESS = """kernel endless(in src: image<u8>, out dst: image<f64>(1, 1)) {
    map (x, y) in dst {
        var level = 0.4;
        for i in 0..1000000000 { for j in 0..1000 { level = 3.9 * level * (1.0 - level); } }
        dst[x, y] = level;
    }
}
"""
LEVELS = {"a": 10, "b": 40, "c": 255, "d": 60}
ALONE = ["--interpret", "-j", "1"]
ENGINES = [pytest.param(["--engine", "local"], marks=needs_native), ["--interpret"]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel, four pictures of which one is too bright, and a cache of nobody."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CPUSHARE_RESULT_BYTES", "100000000")
    (tmp_path / "stats.cps").write_text(STATS)
    (tmp_path / "in").mkdir()
    for name, level in LEVELS.items():
        write_image(tmp_path / "in" / f"{name}.png", np.full((3, 4), level, np.uint8))
    return tmp_path


def line(home: Path, *more: object) -> list[object]:
    table = home / "rows.csv"
    return ["run", home / "stats.cps", home / "in", "-o", home / "out", "--table", table, *more]


def table(home: Path) -> list[list[str]]:
    """Mean and error of each row."""
    _, *rows = csv.reader((home / "rows.csv").read_text().splitlines())
    return [[row[2], row[-1]] for row in rows]


def made(home: Path) -> dict[str, int]:
    """The files of the folder, and when they were made."""
    return {path.name: path.stat().st_mtime_ns for path in (home / "out").iterdir()}


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name in after if before.get(name) != after[name]}


@pytest.mark.parametrize("engine", ENGINES, ids=["local", "interpret"])
def test_a_second_run_does_only_what_is_missing(home: Path, engine: list[str]) -> None:
    said = cpsc(*line(home, *engine))
    assert said.code == 3
    assert re.search(r"3 of 4 pictures done, 1 failed \(.* s, .* pictures/s\)", said.err)
    assert "c.png: kernel 'stats' trapped" in said.err
    rows, first = table(home), made(home)
    assert [row[0] for row in rows] == ["10.0", "40.0", "", "60.0"]
    assert set(first) == {"a.png", "b.png", "d.png"}

    (home / "rows.csv").unlink()
    said = cpsc(*line(home, *engine))
    assert said.code == 3
    assert "3 of 4 pictures done, 3 of them before, 1 failed" in said.err
    assert table(home) == rows
    assert made(home) == first

    (home / "out" / "a.png").unlink()  # an output is gone
    write_image(home / "out" / "b.png", np.zeros((3, 4), np.uint8))  # one was changed
    write_image(home / "in" / "d.png", np.full((3, 4), 72, np.uint8))  # an input was changed
    write_image(home / "in" / "c.png", np.full((3, 4), 30, np.uint8))  # one was mended
    before = made(home)
    said = cpsc(*line(home, *engine))
    assert (said.code, "4 of 4 pictures done (" in said.err) == (0, True)
    assert changed(before, made(home)) == {"a.png", "b.png", "c.png", "d.png"}
    assert [row[0] for row in table(home)] == ["10.0", "40.0", "30.0", "72.0"]
    for name, level in {"a": 10, "b": 40, "c": 30, "d": 72}.items():
        assert (read_image(home / "out" / f"{name}.png") == 255 - level).all()


def test_what_else_decides(home: Path) -> None:
    (home / "in" / "c.png").unlink()
    assert cpsc(*line(home, *ALONE)).code == 0
    kept = "3 of 3 pictures done, 3 of them before"
    anew = "3 of 3 pictures done ("
    assert anew in cpsc(*line(home, *ALONE, "--most", "200")).err
    assert anew in cpsc(*line(home, *ALONE, "--no-rotate")).err
    assert anew in cpsc(*line(home, *ALONE, "--checked")).err
    assert anew in cpsc(*line(home, *ALONE, "--force")).err
    assert anew in cpsc(*line(home, *ALONE, "--no-cache")).err
    assert kept in cpsc(*line(home, *ALONE)).err
    (home / "stats.cps").write_text("/// The same in other words.\n" + STATS)
    assert kept in cpsc(*line(home, *ALONE)).err, "the meaning is the same"
    (home / "stats.cps").write_text(STATS.replace("255 -", "254 -"))
    assert anew in cpsc(*line(home, *ALONE)).err


def test_folders_may_be_moved(home: Path) -> None:
    (home / "in" / "c.png").unlink()
    assert cpsc(*line(home, *ALONE)).code == 0
    (home / "moved").mkdir()
    for name in ("in", "out", "stats.cps"):
        shutil.move(home / name, home / "moved" / name)
    said = cpsc(*line(home / "moved", *ALONE, "--json"))
    assert "3 of them before" in said.err
    assert all(entry["made_before"] for entry in said.objects)
    assert said.objects[0]["output"] == {"dst": str(home / "moved" / "out" / "a.png")}
    assert [row[0] for row in table(home / "moved")] == ["10.0", "40.0", "60.0"]


def test_damaged_notes_are_no_notes(home: Path) -> None:
    assert cpsc(*line(home, *ALONE)).code == 3
    notes = list((home / "cache" / "cpushare" / "made").iterdir())
    assert len(notes) == 3
    for path in notes:
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    assert "3 of 4 pictures done, 1 failed" in cpsc(*line(home, *ALONE)).err
    for path in notes:
        path.write_bytes(path.read_bytes()[:-1])
    assert cpsc(*line(home, *ALONE)).code == 3


@pytest.mark.parametrize("jobs", [1, 2])
def test_fail_fast_begins_no_more(home: Path, jobs: int) -> None:
    for name in ("a", "b", "d"):
        (home / "in" / f"{name}.png").rename(home / "in" / f"y{name}.png")
    for k in range(20):  # large, so that what traps at once is told before most are done
        write_image(home / "in" / f"x{k:02}.png", np.full((400, 600), 10, np.uint8))
    said = cpsc(*line(home, "--interpret", "--fail-fast", "-j", jobs))
    assert said.code == 3
    assert "c.png: kernel 'stats' trapped" in said.err
    rows = table(home)
    assert len(rows) == 24
    assert "too bright" in rows[0][1]
    assert rows[-1][1] == "not begun: another picture had failed"
    done = sum(not error for _, error in rows)
    assert f"{done} of 24 pictures done, 1 failed" in said.err
    assert done == len(made(home)) < 12
    assert cpsc(*line(home, "--interpret", "--jobs", jobs)).code == 3
    assert len(made(home)) == 23


@pytest.mark.parametrize(
    ("engine", "count"),
    [
        pytest.param("local", 3, marks=needs_native),
        pytest.param("local", 17, marks=needs_native),
        ("interpret", 3),
    ],
)
def test_ctrl_c_ends_what_would_run_for_years(tmp_path: Path, engine: str, count: int) -> None:
    """In threads and in processes, and nothing is left of it."""
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(count):
        write_image(folder / f"{k}.png", np.zeros((2, 2), np.uint8))
    (tmp_path / "endless.cps").write_text(ENDLESS)
    words = command("run", tmp_path / "endless.cps", folder, "-o", tmp_path / "out", "-j", 2)
    process = subprocess.Popen(
        [*words, "--engine", engine],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while len(family(process.pid)) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.5)
        members = family(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, "Traceback" in err) == (130, False)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in members):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert list((tmp_path / "out").iterdir()) == []


@needs_native
def test_the_rest_is_done_when_a_process_is_killed(home: Path) -> None:
    """As the kernel does it when memory runs out."""
    folder = home / "many"
    folder.mkdir()
    for k in range(120):
        np.save(folder / f"{k:03}.npy", np.full((300, 300), k, np.uint8))
    words = ["run", home / "stats.cps", folder, "-o", home / "out", "-j", 2, "--json"]
    process = subprocess.Popen(
        command(*words), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert '"error"' not in first
    workers = [pid for pid in family(process.pid) if is_worker(pid)]
    os.kill(workers[0], signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert "120 of 120 pictures done" in err
    assert process.returncode == 0
    for k in range(120):
        assert (read_image(home / "out" / f"{k:03}.png") == 255 - k).all()


def test_a_picture_that_kills_its_process_is_told_alone() -> None:
    tasks = [Files({"src": str(k)}, {}, frozenset()) for k in range(100)]
    begun: list[Group] = []

    def submit(group: Group) -> Future[list[Outcome]]:
        begun.append(group)
        future: Future[list[Outcome]] = Future()
        if tasks[70] in group:
            future.set_exception(BrokenExecutor())
        else:
            future.set_result([Done({}, {}, 0.0, []) for _ in group])
        return future

    ended = list(_as_they_end(_groups(tasks, 2), submit, 2, False))
    assert sorted(int(task.inputs["src"]) for task, _ in ended) == list(range(100))
    broken = [task for task, outcome in ended if isinstance(outcome, Exception)]
    assert broken == [tasks[70]]
    assert max(map(len, begun)) > 8
    assert [len(group) for group in begun[-4:]] == [1] * 4


@needs_native
def test_pictures_of_a_serial_kernel_run_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together: list[int] = []
    run_many = WarmRunners.run_many

    def spied(self: WarmRunners, batch: Batch, tasks: Sequence[Task]) -> list[Outputs]:
        together.append(len(tasks))
        return run_many(self, batch, tasks)

    monkeypatch.setattr(WarmRunners, "run_many", spied)
    program = compile_path(DITHER)
    noise = np.random.default_rng(1).integers(0, 256, (40, 50), np.uint8)
    tasks = []
    for k in range(24):
        np.save(tmp_path / f"{k}.npy", np.roll(noise, k))
        outputs = {"dst": str(tmp_path / f"{k}.png")}
        tasks.append(Files({"src": str(tmp_path / f"{k}.npy")}, outputs, frozenset()))
    values = {"serpentine": True}
    work = Work(program.encoded, "dither", values, Reading(), "local", 1, 1 << 30, use_cache=False)
    with closing(Workshop(work)) as shop:
        outcomes = shop.run(tasks)
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert sum(together) >= 23
    with Program(verify(program.encoded)) as loaded:
        for k in range(24):
            alone = loaded.run(src=np.roll(noise, k), serpentine=True)
            assert (read_image(tmp_path / f"{k}.png") == alone.dst).all()


def test_groups_are_of_few_bytes(tmp_path: Path) -> None:
    sizes = [1 << 20] * 6 + [9 << 20, 9 << 20] + [0] * 400
    tasks = []
    for k, size in enumerate(sizes):
        with (tmp_path / str(k)).open("wb") as file:
            file.truncate(size)
        tasks.append(Files({"src": file.name}, {}, frozenset()))
    groups = list(_groups(tasks, 1))
    assert [task for group in groups for task in group] == tasks
    assert [len(group) for group in groups[:5]] == [4, 2, 1, 1, 32]
    assert len(groups[-1]) == 1


def is_worker(pid: int) -> bool:
    """Whether a process does tasks of a batch."""
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


@needs_native
def test_ctrl_c_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was finished before Ctrl-C is whole, and is not made again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CPUSHARE_RESULT_BYTES", "100000000")
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    noise = np.random.default_rng(1).integers(0, 256, (400, 400), np.uint8)
    for k in range(60):
        np.save(folder / f"{k:02}.npy", np.roll(noise, k))
    words = command("run", DITHER, folder, "-o", out, "-j", 2)
    process = subprocess.Popen(
        words, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while not (out.is_dir() and len(list(out.glob("*.png"))) > 5):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)  # to this one only: the others hear of it from it
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, "Traceback" in err) == (130, False)
    before = made(tmp_path)
    assert leftovers(out) == []
    assert 5 < len(before) < 60
    said = cpsc("run", DITHER, folder, "-o", out)
    assert said.code == 0
    old = re.search(r"60 of 60 pictures done, (\d+) of them before", said.err)
    assert old is not None
    assert len(before) - 2 <= int(old[1]) <= len(before), "a note is written after its picture"
    assert len(changed(before, made(tmp_path))) == 60 - int(old[1])


def test_a_terminal_shows_rate_and_time_left(home: Path) -> None:
    """Only there: what is piped holds no bar."""
    ours, theirs = pty.openpty()
    words = command(*line(home, *ALONE, "--force"))
    environment: dict[str, Any] = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    process = subprocess.Popen(words, cwd=ROOT, stderr=theirs, env=environment)
    os.close(theirs)
    data = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        data += part
    os.close(ours)
    assert process.wait(timeout=30) == 3
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", data.decode())
    assert re.search(r"4/4 pictures [0-9.]+/s 0:00:00", shown), shown
    assert "/s 0:00:00" not in cpsc(*line(home, *ALONE, "--force")).err
