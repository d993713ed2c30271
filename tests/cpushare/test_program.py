"""The Python face: compile, load, run, cost, map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cpushare
from tests.cpushare.cli import DITHER, cpsc, needs_native

IMAGE = np.random.default_rng(7).integers(0, 256, (24, 37), np.uint8)


@pytest.fixture(scope="module")
def program() -> cpushare.Program:
    return cpushare.compile(DITHER)


@needs_native
def test_arrays_in_arrays_out(program: cpushare.Program) -> None:
    native = program.run(src=IMAGE, threshold=100).dst
    assert np.array_equal(native, program.run(engine="interpret", src=IMAGE, threshold=100).dst)
    assert native.shape == IMAGE.shape
    assert "dst=(24, 37)" in repr(program.run(src=IMAGE))
    program.close()


def test_compiled_and_loaded_are_one_program(program: cpushare.Program, tmp_path: Path) -> None:
    assert cpsc("build", DITHER, "-o", tmp_path / "d.cpb").code == 0
    loaded = cpushare.load(tmp_path / "d.cpb")
    assert loaded.hash == program.hash
    assert loaded.kernels == ("dither",)
    assert "dither" in repr(loaded)


def test_cost(program: cpushare.Program) -> None:
    assert program.cost(src=(50, 100)) == 40 * 100 * 50 + 2 * 100 + 2 * 50 + 31


@needs_native
@pytest.mark.parametrize("jobs", [1, 4])
def test_map_keeps_the_order(program: cpushare.Program, jobs: int) -> None:
    images = [np.roll(IMAGE, k, axis=1) for k in range(9)]
    results = list(program.map(images, jobs=jobs, serpentine=False))
    for image, result in zip(images, results, strict=True):
        wanted = program.run(engine="interpret", src=image, serpentine=False).dst
        assert np.array_equal(result.dst, wanted)
    program.close()


def test_errors_are_exceptions_with_positions(program: cpushare.Program, tmp_path: Path) -> None:
    with pytest.raises(cpushare.Refused, match=r"0\.\.=255"):
        program.run(src=IMAGE, threshold=256)
    with pytest.raises(cpushare.Refused, match="float64"):
        program.run(src=IMAGE * 1.0)
    with pytest.raises(cpushare.Refused, match="no kernel"):
        program.run("none", src=IMAGE)
    with pytest.raises(cpushare.Refused, match="engine"):
        program.run(engine="magic", src=IMAGE)
    with pytest.raises(cpushare.Refused, match="src"):
        program.run(engine="interpret")
    (tmp_path / "wrong.cps").write_text("kernel k(")
    with pytest.raises(cpushare.CompileError, match=r"wrong\.cps:1:"):
        cpushare.compile(tmp_path / "wrong.cps")
    (tmp_path / "wrong.cpb").write_bytes(b"\0cps")
    with pytest.raises(cpushare.Malformed):
        cpushare.load(tmp_path / "wrong.cpb")
    result = program.run(engine="interpret", src=IMAGE[:2, :2])
    with pytest.raises(AttributeError, match="dst"):
        _ = result.dts


def test_a_trap_carries_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.cps").write_text(
        "kernel t(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {\n"
        '    require(src.width > 9, "too narrow");\n'
        "    map (x, y) in src { dst[x, y] = src[x, y]; }\n}\n"
    )
    with cpushare.compile(tmp_path / "t.cps") as program, pytest.raises(cpushare.Trap) as caught:
        program.run(engine="interpret", src=IMAGE[:, :5])
    assert caught.value.line == 2
    assert "too narrow" in str(caught.value)


def test_everything_public_is_there() -> None:
    for name in cpushare.__all__:
        assert getattr(cpushare, name) is not None
    with pytest.raises(AttributeError):
        _ = cpushare.nothing
