"""cpsc run: files in, files out, parameters, batches, and how each kind of failure ends."""

from __future__ import annotations

import errno
import io
import os
import resource
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cpushare.images import read_image
from cpushare.writing import write_image
from tests.cpushare.cli import DITHER, ROOT, command, cpsc, family, leftovers, needs_native

TRAP = """kernel halve(in src: image<u8>, out dst: image<u8>(src.width, src.height),
              param by: i32 in 0..=9 = 2) {
    map (x, y) in src {
        dst[x, y] = u8(i32(src[x, y]) / by);
    }
}
"""
TWO = """kernel split(in src: image<u8>, in mask: image<u8>(src.width, src.height),
              out low: image<u8>(src.width, src.height),
              out high: image<u8>(src.width, src.height)) {
    map (x, y) in src {
        low[x, y] = src[x, y];
        high[x, y] = mask[x, y];
    }
}
"""
BIG = """kernel big(in src: image<u8>, out dst: image<f64>(100000, 20000)) {
    map (x, y) in dst {
        dst[x, y] = 1.0;
    }
}
"""


def noise(height: int = 20, width: int = 31, seed: int = 1) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A gray PNG."""
    path = tmp_path / "picture.png"
    write_image(path, noise())
    return path


def saved(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def dithered(source: np.ndarray[Any, Any], **parameters: object) -> np.ndarray[Any, Any]:
    import cpushare

    with cpushare.compile(DITHER) as program:
        return program.run(engine="interpret", src=source, **parameters).dst


# One picture.


@needs_native
@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm", ".bmp", ".npy", ".PNG"])
def test_the_output_holds_the_kernels_bits(picture: Path, suffix: str) -> None:
    target = picture.with_name("out" + suffix)
    said = cpsc("run", DITHER, picture, "-o", target)
    assert said.code == 0
    assert str(target) in said.err
    assert np.array_equal(read_image(target), dithered(noise()))
    assert leftovers(picture.parent) == []


def test_a_name_is_made_when_none_is_given(picture: Path) -> None:
    assert cpsc("run", DITHER, picture, "--interpret").code == 0
    assert np.array_equal(read_image(picture.with_name("picture.dither.png")), dithered(noise()))


def test_parameters_are_options(picture: Path) -> None:
    target = picture.with_name("out.npy")
    arguments = ["--threshold", "90", "--no-serpentine", "-p", "weights=1,2,3,4"]
    assert cpsc("run", DITHER, picture, "-o", target, "--interpret", *arguments).code == 0
    wanted = dithered(noise(), threshold=90, serpentine=False, weights=[1, 2, 3, 4])
    assert np.array_equal(np.load(target), wanted)


@needs_native
def test_pipes(picture: Path) -> None:
    said = cpsc("run", DITHER, "-", "-o", "-", stdin=picture.read_bytes())
    assert said.code == 0
    picture.write_bytes(said.data)
    assert np.array_equal(read_image(picture), dithered(noise()))
    array = io.BytesIO()
    np.save(array, noise())
    said = cpsc("run", DITHER, "-", "-o", "-", "--interpret", stdin=array.getvalue())
    assert said.data.startswith(b"\x89PNG")


def test_colour_is_converted_and_said(tmp_path: Path) -> None:
    colour = np.random.default_rng(3).integers(0, 256, (9, 14, 3), np.uint8)
    write_image(tmp_path / "c.png", colour)
    said = cpsc("run", DITHER, tmp_path / "c.png", "-o", tmp_path / "o.png", "--interpret")
    assert said.code == 0
    assert "std.color's gray" in said.err


def test_json_tells_of_the_run(picture: Path) -> None:
    target = picture.with_name("o.png")
    (entry,) = cpsc("run", DITHER, picture, "-o", target, "--interpret", "--json").objects
    assert entry["input"] == {"src": str(picture)}
    assert entry["output"] == {"dst": str(target)}
    assert entry["seconds"] > 0


def test_several_images(tmp_path: Path) -> None:
    kernel = saved(tmp_path, "two.cps", TWO)
    write_image(tmp_path / "a.png", noise())
    write_image(tmp_path / "b.png", noise(seed=2))
    low, high = tmp_path / "low.png", tmp_path / "high.png"
    pairs = ["-o", f"low={low}", "-o", f"high={high}"]
    mask = f"mask={tmp_path / 'b.png'}"
    said = cpsc("run", kernel, tmp_path / "a.png", "--in", mask, *pairs, "--interpret")
    assert said.code == 0
    assert np.array_equal(read_image(low), noise())
    assert np.array_equal(read_image(high), noise(seed=2))
    assert cpsc("run", kernel, tmp_path / "a.png", *pairs).code == 2
    write_image(tmp_path / "b.png", noise(5, 5))
    said = cpsc("run", kernel, tmp_path / "a.png", "--in", mask, *pairs, "--interpret")
    assert said.code == 2
    assert "mask" in said.err


# What ends otherwise.


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (["--threshold", "256"], 2, "0..=255"),
        (["--threshold", "many"], 2, "i32"),
        (["--weights", "1,2"], 2, "weights"),
        (["-p", "tone=1"], 2, "it has: "),
        (["-p", "tone"], 2, "NAME=VALUE"),
        (["--kernel", "none"], 2, "there is: dither"),
        (["--max-pixels", "600"], 4, "620"),
        (["--memory-bytes", "1000"], 4, "bytes"),
    ],
)
def test_what_is_out_of_range_is_refused(
    picture: Path, arguments: list[str], code: int, hint: str
) -> None:
    target = picture.with_name("o.png")
    said = cpsc("run", DITHER, picture, "-o", target, *arguments)
    if code == 4 and "--memory-bytes" in arguments and said.code == 5:
        pytest.skip("no child here")
    assert (said.code, target.exists()) == (code, False)
    assert hint in said.err


@pytest.mark.parametrize("name", ["o.xyz", "o", "o.webp", "o.npz"])
def test_an_unknown_file_type_is_refused_before_anything_runs(picture: Path, name: str) -> None:
    said = cpsc("run", DITHER, picture, "-o", picture.with_name(name))
    assert said.code == 2
    assert ".png" in said.err
    assert [path.name for path in picture.parent.iterdir()] == ["picture.png"]


def test_a_missing_and_a_damaged_picture(tmp_path: Path) -> None:
    assert cpsc("run", DITHER, tmp_path / "none.png").code == 5
    damaged = tmp_path / "damaged.png"
    write_image(damaged, noise(200, 200))
    damaged.write_bytes(damaged.read_bytes()[:5000])
    said = cpsc("run", DITHER, damaged, "--interpret")
    assert said.code == 2
    assert "damaged" in said.err
    damaged.write_text("no picture at all")
    assert cpsc("run", DITHER, damaged).code == 2


def test_a_wrong_pixel_type_is_refused_with_a_way_out(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.zeros((3, 3), np.float32))
    said = cpsc("run", DITHER, tmp_path / "f.npy")
    assert said.code == 2
    assert "convert" in said.err


@pytest.mark.parametrize("engine", [[], ["--interpret"]], ids=["native", "interpret"])
def test_a_trap_names_its_line(tmp_path: Path, picture: Path, engine: list[str]) -> None:
    kernel = saved(tmp_path, "halve.cps", TRAP)
    target = tmp_path / "o.png"
    said = cpsc("run", kernel, picture, "--by", "0", "-o", target, *engine)
    if said.code == 5 and not engine:
        pytest.skip("no child here")
    assert said.code == 3
    assert "line 4" in said.err
    assert not target.exists()


@needs_native
def test_over_the_memory_limit(tmp_path: Path, picture: Path) -> None:
    kernel = saved(tmp_path, "big.cps", BIG)
    said = cpsc("run", kernel, picture, "-o", tmp_path / "o.npy")
    assert said.code == 4
    assert "16,000" in said.err
    assert "--memory-bytes" in said.err or "bytes" in said.err


def test_a_full_disk_leaves_nothing_behind(picture: Path) -> None:
    """A process that may write no more than 100 bytes to a file."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    target = picture.with_name("o.npy")
    line = command("run", DITHER, picture, "-o", target, "--interpret")
    done = subprocess.run(
        line, capture_output=True, text=True, timeout=120, check=False, preexec_fn=limit
    )
    assert done.returncode == 5
    assert "error: " in done.stderr
    assert [path.name for path in picture.parent.iterdir()] == ["picture.png"]


def test_no_space_left(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cpushare.files.os.replace", full)
    for arguments in (
        ["run", DITHER, picture, "-o", picture.with_name("o.png"), "--interpret"],
        ["build", DITHER, "-o", picture.with_name("o.cpb")],
    ):
        said = cpsc(*arguments)
        assert said.code == 5
        assert "No space left" in said.err
    assert [path.name for path in picture.parent.iterdir()] == ["picture.png"]


def test_a_folder_that_cannot_be_written(picture: Path) -> None:
    said = cpsc("run", DITHER, picture, "-o", picture.parent / "no" / "o.png", "--interpret")
    assert said.code == 5


def test_where_no_child_can_be_confined(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vm.sandbox import capability

    monkeypatch.setattr(capability.sys, "platform", "darwin")
    capability.check.cache_clear()
    try:
        said = cpsc("run", DITHER, picture, "--no-cache")
        assert said.code == 5
        assert "--interpret" in said.err
        assert cpsc("run", DITHER, picture, "--interpret").code == 0
        assert cpsc("doctor").code == 5
        assert cpsc("cost", DITHER).code == 0
    finally:
        monkeypatch.undo()
        capability.check.cache_clear()


# Batches.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of six pictures, one of them damaged."""
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(5):
        write_image(folder / f"{k}.png", noise(seed=k))
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return folder


@needs_native
@pytest.mark.parametrize("jobs", [1, 3])
def test_one_failing_picture_does_not_stop_the_rest(folder: Path, jobs: int) -> None:
    out = folder.with_name("out")
    said = cpsc("run", DITHER, folder, "-o", out, "-j", jobs, "--json")
    assert said.code == 2
    assert "5 of 6 pictures done" in said.err
    assert "bad.png" in said.err
    assert len(said.objects) == 6
    assert sorted(path.name for path in out.iterdir()) == [f"{k}.png" for k in range(5)]
    for k in range(5):
        assert np.array_equal(read_image(out / f"{k}.png"), dithered(noise(seed=k)))


def test_patterns_and_pictures_of_one_stem(folder: Path) -> None:
    write_image(folder / "0.bmp", noise(seed=9))
    out = folder.with_name("out")
    said = cpsc("run", DITHER, f"{folder}/0.*", "-o", out, "--interpret")
    assert said.code == 0
    assert sorted(path.name for path in out.iterdir()) == ["0.bmp.png", "0.png.png"]


def test_two_pictures_are_never_written_to_one_file(folder: Path) -> None:
    other = folder.with_name("other")
    other.mkdir()
    write_image(other / "0.png", noise())
    said = cpsc("run", DITHER, folder / "0.png", other / "0.png", "-o", folder.with_name("out"))
    assert said.code == 2
    assert "both be written" in said.err


@pytest.mark.parametrize(
    ("inputs", "hint"),
    [(["in"], "-o DIR"), (["none/*.png", "-o", "x"], "nothing matches"), ([], "give a picture")],
)
def test_batches_that_make_no_sense(folder: Path, inputs: list[str], hint: str) -> None:
    texts = [str(folder.parent / text) if text in ("in", "none/*.png") else text for text in inputs]
    said = cpsc("run", DITHER, *texts)
    assert said.code == 2
    assert hint in said.err


@needs_native
def test_ctrl_c_in_a_batch_leaves_finished_pictures_and_no_process(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    np.save(tmp_path / "one.npy", noise(700, 900, seed=1))
    count = 5000  # so many that a busy machine does not end them before it lets us interrupt
    for k in range(count):
        os.link(tmp_path / "one.npy", folder / f"{k:04}.npy")
    line = command("run", DITHER, folder, "-o", out, "-j", 2)
    process = subprocess.Popen(
        line, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while not (out.is_dir() and len(list(out.glob("*.png"))) > 2):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        members = family(process.pid)
        assert members
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in members):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    done = sorted(out.iterdir())
    assert leftovers(out) == []
    assert len(done) < count
    for path in done:
        k = int(path.stem)
        assert read_image(path).shape == (700, 900), k


@pytest.mark.parametrize("engine", [[], ["--interpret"]], ids=["native", "interpret"])
def test_checked_runs_trap_where_signed_arithmetic_wraps(engine: list[str], tmp_path: Path) -> None:
    kernel = tmp_path / "square.cps"
    kernel.write_text(
        "kernel square(in src: image<i32>, out dst: image<i32>(src.width, src.height)) {\n"
        "    map (x, y) in src { dst[x, y] = src[x, y] * src[x, y]; }\n}\n"
    )
    np.save(tmp_path / "a.npy", np.array([[3, 1 << 16]], np.int32))
    line = ["run", kernel, tmp_path / "a.npy", "-o", tmp_path / "b.npy", *engine]
    assert cpsc(*line).code == 0
    assert np.load(tmp_path / "b.npy").tolist() == [[9, 0]]
    said = cpsc(*line, "--checked")
    assert said.code == 3
    assert "signed-overflow" in said.err
    assert "line 2" in said.err


def test_colours_on_the_command_line_are_a_picture(tmp_path: Path) -> None:
    """A palette needs no file."""
    write_image(tmp_path / "gray.png", np.full((4, 6, 3), 250, np.uint8))
    line = ["run", ROOT / "examples" / "palette.cps", tmp_path / "gray.png", "--interpret"]
    names = ["-o", f"dst={tmp_path / 'd.png'}", "-o", f"index={tmp_path / 'i.png'}"]
    assert cpsc(*line, *names, "--in", "palette=#102030,#fAfAfA").code == 0
    assert (read_image(tmp_path / "i.png") == 1).all()
    assert (read_image(tmp_path / "d.png") == 250).all()
    said = cpsc(*line, *names, "--in", "palette=#12345")
    assert said.code == 2
    assert "'#rrggbb,#rrggbb'" in said.err
