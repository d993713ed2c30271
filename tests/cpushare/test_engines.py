"""Engines in Python's hands: futures, the iterator, and results that are kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError, Future, wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cpushare
from cpushare.engines import NAMES, Batch, Task, open_engine
from cpushare.engines.cached import CachedEngine
from cpushare.engines.engine import then
from cpushare.engines.warm import KEPT, WarmRunners
from cpushare.results import ResultCache
from tests.cpushare.cli import DITHER, needs_native
from vm.errors import Trap
from vm.inputs import Outputs
from vm.verifier import verify

STATS = """record Row { total: i64, mean: f64, odd: bool }

kernel stats(in src: image<u8>, out far: image<f32>(2, 1), param by: f64 = 0.0) -> Row {
    map (x, y) in far { far[x, y] = f32(by) / 0.0; }
    let total = sum(i64(src[x, y]) for (x, y) in src);
    return Row(total, f64(total) / by, total % 2 == 1);
}
"""
ENDLESS = """kernel endless(in src: image<u8>, out dst: image<f64>(1, 1)) {
    map (x, y) in dst {
        var level = 0.4;
        for i in 0..1000000000 {
            for j in 0..1000 {
                level = 3.9 * level * (1.0 - level);
            }
        }
        dst[x, y] = level;
    }
}
"""


def noise(seed: int = 1) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (24, 37), np.uint8)


@pytest.fixture
def program() -> Iterator[cpushare.Program]:
    with cpushare.compile(DITHER) as found:
        yield found


@pytest.fixture
def keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of results, empty as yet; its folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CPUSHARE_RESULT_BYTES", "1000000")
    return tmp_path / "cpushare" / "results"


class Counting:
    """An engine that counts what it is asked for, and does it by another."""

    def __init__(self, name: str = "interpret") -> None:
        self.engine = open_engine(name, use_cache=False)
        self.asked = 0

    @property
    def slots(self) -> int:
        return self.engine.slots

    def in_flight(self, batch: Batch, parameters: Mapping[str, object]) -> int:
        return self.engine.in_flight(batch, parameters)

    def submit(self, batch: Batch, task: Task) -> Future[Outputs]:
        self.asked += 1
        return self.engine.submit(batch, task)

    def close(self) -> None:
        self.engine.close()


# Futures.


@needs_native
@pytest.mark.parametrize("engine", ["local", "interpret"])
def test_submit_gives_futures(program: cpushare.Program, engine: str) -> None:
    futures = [
        program.submit(engine=engine, src=noise(k), threshold=t) for k in (1, 2) for t in (90, 200)
    ]
    assert not wait(futures, timeout=60).not_done
    wanted = [
        program.run(engine="interpret", src=noise(k), threshold=t).dst
        for k in (1, 2)
        for t in (90, 200)
    ]
    for future, pixels in zip(futures, wanted, strict=True):
        assert np.array_equal(future.result().dst, pixels)


@needs_native
@pytest.mark.parametrize("engine", ["local", "interpret"])
def test_a_future_raises_what_the_run_raises(program: cpushare.Program, engine: str) -> None:
    error = program.submit(engine=engine, src=noise(), threshold=999).exception(timeout=60)
    assert isinstance(error, cpushare.Refused)
    assert "0..=255" in str(error)


def test_arrays_may_be_changed_when_they_are_submitted(program: cpushare.Program) -> None:
    image = noise()
    future = program.submit(engine="interpret", src=image)
    image[:] = 0
    assert np.array_equal(future.result().dst, program.run(engine="interpret", src=noise()).dst)


@needs_native
def test_closing_ends_what_runs_and_cancels_what_waits(tmp_path: Path) -> None:
    (tmp_path / "endless.cps").write_text(ENDLESS)
    program = cpushare.compile(tmp_path / "endless.cps")
    futures = [program.submit(src=noise()) for _ in range(12)]
    threading.Timer(0.5, program.close).start()
    ends = [future.exception(timeout=30) for future in futures if not _is_cancelled(future)]
    assert all(isinstance(error, cpushare.SandboxBroken) for error in ends)
    assert any(future.cancelled() for future in futures)


def _is_cancelled(future: Future[Any]) -> bool:
    try:
        future.exception(timeout=30)
    except CancelledError:
        return True
    return False


def test_a_future_of_a_future() -> None:
    first: Future[int] = Future()
    second = then(first, lambda done: done.result() + 1)
    first.set_result(1)
    assert second.result(timeout=1) == 2
    first = Future()
    second = then(first, lambda done: done.result() + 1)
    first.set_exception(KeyError("no"))
    assert isinstance(second.exception(timeout=1), KeyError)
    first = Future()
    second = then(first, lambda done: done.result() + 1)
    assert second.cancel()
    assert first.cancelled()
    first = Future()
    second = then(first, lambda done: done.result() + 1)
    first.cancel()
    assert second.cancelled()
    with pytest.raises(CancelledError):
        second.result(timeout=1)


def test_an_engine_goes_by_its_name(program: cpushare.Program) -> None:
    for name in ("magic", "dask://nowhere", "dask://:1", "dask://h:port", ""):
        with pytest.raises(cpushare.Refused) as refused:
            open_engine(name)
        assert all(known in str(refused.value) for known in NAMES)
    with pytest.raises(cpushare.Refused):
        next(program.map([noise()], engine="magic"))


@needs_native
def test_a_child_is_kept_for_tasks_of_one_caller_and_program(program: cpushare.Program) -> None:
    runners = WarmRunners()

    def child(caller: str, threshold: int) -> int:
        batch = Batch(program.verified, "dither", caller=caller)
        made = runners.run(batch, Task({"src": noise()}, {"threshold": threshold}))["dst"]
        assert np.array_equal(made, wanted[threshold])
        latest = next(reversed(runners._mine().values()))._child
        assert latest is not None
        return latest.pid

    wanted = {
        threshold: program.run(engine="interpret", src=noise(), threshold=threshold).dst
        for threshold in range(100, 100 + KEPT)
    }
    first = child("a", 100)
    assert child("a", 100) == first
    other = child("b", 100)
    assert other != first
    assert child("a", 101) not in (first, other)
    assert child("a", 100) == first
    for threshold in range(101, 100 + KEPT):
        child("b", threshold)
    assert not Path(f"/proc/{other}").exists(), "the one used longest ago has been ended"
    runners.close()
    assert not Path(f"/proc/{first}").exists()


# The iterator.


@needs_native
def test_map_takes_images_as_it_needs_them(program: cpushare.Program) -> None:
    taken = 0

    def images() -> Iterator[np.ndarray[Any, Any]]:
        nonlocal taken
        for seed in range(100):
            taken += 1
            yield noise(seed)

    results = program.map(images(), jobs=2)
    next(results)
    assert taken <= 4
    results.close()  # type: ignore[attr-defined]
    assert taken <= 4


# Results that are kept.


def test_a_result_is_found_again(program: cpushare.Program, keeps: Path) -> None:
    counting = Counting()
    engine = CachedEngine(counting, ResultCache(1 << 20, keeps))
    batch = Batch(program.verified, "dither")

    def dithered(**values: object) -> np.ndarray[Any, Any]:
        pixels = engine.submit(batch, Task({"src": noise()}, values)).result()["dst"]
        assert pixels.flags.writeable
        return pixels

    first = dithered()
    first[:] = 7  # the caller's own
    again = dithered()
    assert counting.asked == 1
    assert np.array_equal(again, program.run(engine="interpret", src=noise()).dst)
    assert np.array_equal(dithered(threshold=128), again)
    assert counting.asked == 1, "a default is the same when it is given"
    dithered(threshold=129)
    assert counting.asked == 2


def test_what_decides_a_result_is_in_its_name(program: cpushare.Program) -> None:
    batch = Batch(program.verified, "dither")
    image = noise()
    other = image.copy()
    other[3, 3] ^= 1
    tasks = [
        (batch, Task({"src": image}, {})),
        (batch, Task({"src": other}, {})),
        (batch, Task({"src": image.reshape(37, 24)}, {})),
        (batch, Task({"src": image.view(np.int8)}, {})),
        (batch, Task({"src": image}, {"threshold": 3})),
        (Batch(program.verified, "dither", checked=True), Task({"src": image}, {})),
    ]
    assert len({ResultCache.key(*task) for task in tasks}) == len(tasks)
    turned = np.asfortranarray(image)
    assert ResultCache.key(batch, Task({"src": turned}, {})) == ResultCache.key(*tasks[0])


def test_records_and_every_number_are_kept_exactly(tmp_path: Path, keeps: Path) -> None:
    (tmp_path / "stats.cps").write_text(STATS)
    cache = ResultCache(1 << 20, keeps)
    with cpushare.compile(tmp_path / "stats.cps") as program:
        batch, task = Batch(program.verified, "stats"), Task({"src": noise()}, {})
        made = open_engine("interpret", use_cache=False).submit(batch, task).result()
    cache.store("a", made)
    found = cache.load("a")
    assert found is not None
    assert found["far"].tobytes() == made["far"].tobytes()
    assert found["far"].dtype == made["far"].dtype
    assert repr(found.record) == repr(made.record)


def test_a_damaged_result_is_made_anew(program: cpushare.Program, keeps: Path) -> None:
    counting = Counting()
    engine = CachedEngine(counting, ResultCache(1 << 20, keeps))
    batch, task = Batch(program.verified, "dither"), Task({"src": noise()}, {})
    wanted = engine.submit(batch, task).result()["dst"]
    (path,) = keeps.iterdir()
    whole = path.read_bytes()
    for position in range(0, len(whole), 97):
        data = bytearray(whole)
        data[position] ^= 0x10
        path.write_bytes(data)
        assert np.array_equal(engine.submit(batch, task).result()["dst"], wanted)
    assert counting.asked == 1 + len(range(0, len(whole), 97))
    path.write_bytes(whole[: len(whole) // 2])
    assert np.array_equal(engine.submit(batch, task).result()["dst"], wanted)
    assert path.read_bytes() == whole


def test_the_cache_is_bounded(program: cpushare.Program, keeps: Path) -> None:
    counting = Counting()
    cache = ResultCache(6000, keeps)
    engine = CachedEngine(counting, cache)
    batch = Batch(program.verified, "dither")
    for seed in range(12):
        engine.submit(batch, Task({"src": noise(seed)}, {})).result()
        assert cache.info().size_bytes <= 6000
    assert cache.info().entries == 6
    large = np.zeros((70, 70), np.uint8)  # a quarter of the cache is the most
    engine.submit(batch, Task({"src": large}, {})).result()
    assert cache.info().entries == 6


@needs_native
def test_keeping_can_be_declined(program: cpushare.Program, keeps: Path) -> None:
    list(program.map([noise()], cache=False))
    program.submit(src=noise(), cache=False).result()
    assert not keeps.exists()
    (kept,) = program.map([noise()])
    assert len(list(keeps.iterdir())) == 1
    (again,) = program.map([noise()])
    assert np.array_equal(kept.dst, again.dst)
    assert np.array_equal(program.submit(src=noise()).result().dst, again.dst)


@needs_native
def test_serpentine_pictures_run_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map fills the lanes by itself; results are those of single runs, in their order."""
    from vm.sandbox.many import ManyRunner

    groups: list[int] = []
    plain = ManyRunner.run

    def counted(runner: ManyRunner, tasks: Any) -> Any:
        groups.append(len(tasks))
        return plain(runner, tasks)

    monkeypatch.setattr(ManyRunner, "run", counted)
    rng = np.random.default_rng(0)
    sizes = [(40, 30), (9, 70)]
    images = [rng.integers(0, 256, sizes[k % 5 == 0], dtype=np.uint8) for k in range(150)]
    with cpushare.compile(DITHER) as program:
        found = list(program.map(images, serpentine=True, cache=False, jobs=1))
        for k in (0, 1, 75, 149):
            alone = program.run(src=images[k], serpentine=True)
            assert found[k].dst.tobytes() == alone.dst.tobytes()
        assert len(found) == len(images)
        assert max(groups) > 8
        groups.clear()
        list(program.map(images[:40], cache=False, jobs=1))  # a wavefront needs no company
        assert groups == []


@needs_native
def test_tasks_can_be_submitted_while_it_is_found_out_how_many_go_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lowering takes its time. A task that is cancelled meanwhile leaves its company."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(runners: WarmRunners, batch: Batch, parameters: Mapping[str, object]) -> int:
        begun.set()
        assert go_on.wait(30)
        return 16

    monkeypatch.setattr(WarmRunners, "tasks_at_once", slow)
    with cpushare.compile(DITHER) as program:
        futures = [program.submit(src=noise(), serpentine=True, cache=False)]
        assert begun.wait(30)
        futures += [program.submit(src=noise(), serpentine=True, cache=False) for _ in range(4)]
        assert futures[0].cancel()
        go_on.set()
        wanted = program.run(src=noise(), serpentine=True).dst
        for future in futures[1:]:
            assert np.array_equal(future.result().dst, wanted)


@needs_native
def test_one_that_traps_does_not_spoil_its_group() -> None:
    text = (
        "kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {\n"
        '    require(src.width > 2, "too narrow");\n'
        "    var s: rows<i32, 2>(src.width);\n"
        "    scan (x, y, d) in src by serpentine(true) {\n"
        "        let v = (i32(src[x, y]) + s[x, y]) % 256;\n"
        "        dst[x, y] = u8(abs(v));\n"
        "        s.drop[x + d, y] += v;\n"
        "    }\n"
        "}\n"
    )
    from compiler.pipeline import compile_text

    program = cpushare.Program(verify(compile_text(text, "k.cps").encoded))
    wide, narrow = np.full((3, 9), 7, np.uint8), np.full((3, 2), 7, np.uint8)
    with program:
        futures = [program.submit(src=image, cache=False) for image in [wide, narrow] * 40]
        for which, future in enumerate(futures):
            if which % 2:
                with pytest.raises(Trap, match="too narrow"):
                    future.result()
            else:
                assert future.result().dst.shape == (3, 9)


@needs_native
def test_a_sweep_of_parameters_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from vm.sandbox.many import ManyRunner

    groups: list[int] = []
    plain = ManyRunner.run

    def counted(runner: ManyRunner, tasks: Any) -> Any:
        groups.append(len(runner.sets))
        return plain(runner, tasks)

    monkeypatch.setattr(ManyRunner, "run", counted)
    image = noise()
    sets = [[1 + k % 7, 1 + k % 5, 3, 2 + k % 3] for k in range(60)]
    with cpushare.compile(DITHER) as program:
        futures = [
            program.submit(src=image, weights=weights, serpentine=True, cache=False)
            for weights in sets
        ]
        found = [future.result().dst for future in futures]
        assert max(groups) >= 8
        for k in (0, 7, 59):
            alone = program.run(src=image, serpentine=True, weights=sets[k]).dst
            assert found[k].tobytes() == alone.tobytes()
