"""A Dask cluster as an engine: two worker processes on this machine, one of which is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cpushare
from compiler.pipeline import compile_path
from cpushare.engines import open_engine, worker
from cpushare.images import read_image
from cpushare.writing import write_image
from tests.cpushare.cli import DITHER, ROOT, command, cpsc, family, needs_native
from vm.codec import encode
from vm.text import assemble

distributed = pytest.importorskip("distributed")
pytestmark = [needs_native, pytest.mark.filterwarnings("ignore")]

SLOW = """/// The logistic map, which takes its time.
kernel chaos(in src: image<u8>, out dst: image<u8>(src.width, src.height), param rate: f32 = 3.9) {
    map (x, y) in src {
        var level = f32(src[x, y]) / 256.0;
        for i in 0..20000 {
            level = rate * level * (1.0 - level);
        }
        dst[x, y] = u8(i32(level * 255.0));
    }
}
"""

ENDLESS = SLOW.replace("0..20000", "0..1000000000")


def noise(seed: int, height: int = 40, width: int = 50) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two worker processes, with a nanny each that starts another in place of a killed one."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        local_directory=str(tmp_path_factory.mktemp("dask")),
        silence_logs=50,
    ) as found:
        yield found


@pytest.fixture
def engine(cluster: Any) -> str:
    """The engine's name."""
    return "dask://" + cluster.scheduler_address.removeprefix("tcp://")


def test_a_batch_survives_the_death_of_a_worker(cluster: Any, engine: str, tmp_path: Path) -> None:
    (tmp_path / "slow.cps").write_text(SLOW)
    images = [noise(seed) for seed in range(24)]
    with cpushare.compile(tmp_path / "slow.cps") as program:
        wanted = [result.dst for result in program.map(images, rate=3.7)]
        results = program.map(images, engine=engine, rate=3.7)
        found = [next(results).dst]
        victim = cluster.workers[0].pid
        os.kill(victim, signal.SIGKILL)
        found += [result.dst for result in results]
    assert len(found) == len(wanted)
    for mine, theirs in zip(wanted, found, strict=True):
        assert np.array_equal(mine, theirs)
    found[0][0, 0] = 1  # an array of the caller's own
    deadline = time.monotonic() + 30
    while cluster.workers[0].pid in (victim, None):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_refuses_what_its_own_verifier_refuses(cluster: Any) -> None:
    """A client that lies: bytes that no verifier has passed go to the worker as they are."""
    whole = compile_path(DITHER).encoded
    hostile = (Path(__file__).parents[1] / "cases" / "invalid").glob("*.cpa")
    with distributed.Client(cluster, set_as_default=False) as client:

        def sent(encoded: bytes) -> BaseException:
            arguments = ("somebody", encoded, "dither", False, 1 << 30, {"src": noise(1)}, {})
            error: BaseException = client.submit(worker.run, *arguments, pure=False).exception()
            return error

        for damaged in (b"", whole[:-1], whole + b"\0", b"\0" * 100):
            assert isinstance(sent(damaged), cpushare.Malformed)
        for path in sorted(hostile)[:5]:
            module = assemble(path.read_text())
            assert isinstance(sent(encode(module)), cpushare.Invalid), path.name
        assert isinstance(sent(whole.replace(b"dither", b"dithes")), cpushare.Refused)


def test_errors_are_those_of_a_run_here(engine: str) -> None:
    with cpushare.compile(DITHER) as program, pytest.raises(cpushare.Refused, match=r"0\.\.=255"):
        program.run(engine=engine, src=noise(1), threshold=999)


def pretend(platform: str, version: str) -> None:
    """In a worker: be another system, have another version."""
    from vm.sandbox import capability

    is_here = platform == sys.platform
    capability.sys = sys if is_here else SimpleNamespace(platform=platform)  # type: ignore[assignment]
    capability.check.cache_clear()
    worker.__version__ = version


def test_workers_that_cannot_do_the_work_are_named(cluster: Any, engine: str) -> None:
    version = cpushare.__version__
    with distributed.Client(cluster, set_as_default=False) as client:
        try:
            client.run(pretend, "darwin", version)
            with pytest.raises(cpushare.SandboxUnavailable, match=r"on worker tcp://127.*Linux"):
                open_engine(engine)
            client.run(pretend, sys.platform, "0.0")
            with pytest.raises(cpushare.Refused, match=r"worker tcp.* has CPUShare 0\.0"):
                open_engine(engine)
        finally:
            client.run(pretend, sys.platform, version)


def test_nobody_answers() -> None:
    with pytest.raises(OSError, match="dask scheduler"):
        open_engine("dask://127.0.0.1:9")


def test_folders_are_resumed_by_any_engine(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CPUSHARE_RESULT_BYTES", "100000000")
    (tmp_path / "in").mkdir()
    for k in range(4):
        write_image(tmp_path / "in" / f"{k}.png", noise(k))
    line = ["run", DITHER, tmp_path / "in", "-o", tmp_path / "out"]
    said = cpsc(*line, "--engine", engine)
    assert said.code == 0, said.err
    assert "4 of 4 pictures done (" in said.err
    (tmp_path / "out" / "2.png").unlink()
    said = cpsc(*line)
    assert "4 of 4 pictures done, 3 of them before" in said.err
    (tmp_path / "out" / "1.png").unlink()
    said = cpsc(*line, "--engine", engine)
    assert "4 of 4 pictures done, 3 of them before" in said.err
    with cpushare.compile(DITHER) as program:
        for k in range(4):
            wanted = program.run(engine="interpret", src=noise(k)).dst
            assert np.array_equal(read_image(tmp_path / "out" / f"{k}.png"), wanted)


def kernels_running(cluster: Any) -> int:
    """How many strict children of the workers there are that have not ended."""
    workers = [worker.pid for worker in cluster.workers.values()]
    pids = [pid for worker in workers if worker is not None for pid in family(worker)]
    running = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
            is_kernel = name.partition("(")[2].isdigit()  # it was started from a descriptor
            running += is_kernel and rest.split()[0] != "Z"
    return running


def test_ctrl_c_ends_what_runs_on_the_workers(cluster: Any, engine: str, tmp_path: Path) -> None:
    (tmp_path / "endless.cps").write_text(ENDLESS)
    (tmp_path / "in").mkdir()
    for k in range(6):
        write_image(tmp_path / "in" / f"{k}.png", noise(k))
    words = ["run", tmp_path / "endless.cps", tmp_path / "in", "-o", tmp_path / "out"]
    process = subprocess.Popen(
        command(*words, "--engine", engine), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 30
        while kernels_running(cluster) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, "Traceback" in err) == (130, False), err
    deadline = time.monotonic() + 30
    while kernels_running(cluster):
        assert time.monotonic() < deadline
        time.sleep(0.02)
