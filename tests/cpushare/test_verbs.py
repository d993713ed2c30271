"""cpsc test, bench, view, doctor, config, cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cpushare.writing import write_image
from tests.cpushare.cli import DITHER, ROOT, cpsc, needs_native

FAILS = """fn twice(v: i32) -> i32 { return v * 2; }
test "doubles" { assert_eq(twice(2), 4); }
test "is wrong" { assert_eq(twice(2), 5); }
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings and cache of nobody."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_test_blocks_pass_and_fail(home: Path) -> None:
    assert cpsc("test", "--interpret", ROOT / "stdlib").code == 0
    path = home / "t.cps"
    path.write_text(FAILS)
    said = cpsc("test", path, "--interpret")
    assert said.code == 1
    assert "ok" in said.out
    assert "FAILED" in said.out
    assert f"{path}:3" in said.err
    assert "1 passed, 1 failed" in said.err
    good, bad = cpsc("test", home, "--json", "--interpret").objects
    assert (good["passed"], bad["passed"]) == (True, False)
    assert bad["failure"]["place"]["line"] == 3
    (home / "empty").mkdir()
    assert cpsc("test", home / "empty").code == 2


@needs_native
def test_bench_reports_the_documented_fields() -> None:
    (entry,) = cpsc("bench", DITHER, "--size", "64x32", "--repeat", "3", "--json").objects
    assert set(entry) == {
        "kernel", "width", "height", "repeat", "kernel_s", "mpixel_per_s", "compile_s", "start_s",
        "round_trip_s", "form",
    }  # fmt: skip
    assert (entry["width"], entry["height"], entry["form"]) == (64, 32, "wavefront")
    assert cpsc("bench", DITHER, "--repeat", "1").code == 2


def test_view_draws_in_braille(home: Path) -> None:
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (32, 1))
    write_image(home / "ramp.png", ramp)
    text = cpsc("view", home / "ramp.png", "--width", "20", "--interpret").out
    lines = text.splitlines()
    assert all(len(line) == 20 for line in lines)
    dots = [[(ord(character) - 0x2800).bit_count() for character in line] for line in lines]
    left = sum(sum(line[:5]) for line in dots)
    right = sum(sum(line[-5:]) for line in dots)
    assert left != right
    np.save(home / "float.npy", np.linspace(-1, 1, 300, dtype=np.float32).reshape(10, 30))
    assert cpsc("view", home / "float.npy", "--interpret").code == 0


@needs_native
def test_doctor_runs_every_program() -> None:
    from vm.sandbox.hostile import HOSTILE

    said = cpsc("doctor", "--json")
    assert said.code == 0
    *trials, summary = said.objects
    assert len(trials) == len(HOSTILE) + 1
    assert all(trial["good"] for trial in trials)
    assert summary["good"] is True
    assert "All is well" in cpsc("doctor").out


def test_settings_say_where_they_come_from(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "config" / "cpushare"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("jobs = 3\n")
    monkeypatch.setenv("CPUSHARE_MAX_PIXELS", "1000")
    entries = {entry["name"]: entry for entry in cpsc("config", "--json").objects}
    assert entries["jobs"] == {"name": "jobs", "value": 3, "origin": str(folder / "config.toml")}
    assert entries["max_pixels"]["origin"] == "CPUSHARE_MAX_PIXELS"
    assert entries["cache_bytes"]["origin"] == "default"
    write_image(home / "a.png", np.zeros((40, 40), np.uint8))
    assert cpsc("run", DITHER, home / "a.png").code == 4
    for text in ("jobs = -1", "jobs = 'many'", "unknown = 1", "jobs = ["):
        (folder / "config.toml").write_text(text)
        said = cpsc("config")
        assert said.code == 2
        assert "config.toml" in said.err


@needs_native
def test_the_cache_is_filled_shown_and_cleared(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(home / "a.png", np.zeros((8, 8), np.uint8))
    for threshold in ("1", "2"):
        assert cpsc("run", DITHER, home / "a.png", "--threshold", threshold).code == 0
    entry, *_ = cpsc("cache", "info", "--json").objects
    assert entry["entries"] == 2
    assert entry["folder"].startswith(str(home))
    monkeypatch.setenv("CPUSHARE_CACHE_BYTES", str(entry["bytes"] * 5 // 4))
    assert cpsc("run", DITHER, home / "a.png", "--threshold", "3").code == 0
    entry, *_ = cpsc("cache", "info", "--json").objects
    assert entry["entries"] == 2
    assert "2 kernels" in cpsc("cache", "clear").out
    entry, *_ = cpsc("cache", "--json").objects
    assert entry["entries"] == 0


UGLY, PRETTY = "const  A:i32=1;\n", "const A: i32 = 1;\n"


def test_fmt_writes_checks_and_shows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "a.cps"
    path.write_text(UGLY)
    path.chmod(0o600)
    hidden = home / ".venv" / "b.cps"
    hidden.parent.mkdir()
    hidden.write_text(UGLY)
    said = cpsc("fmt", home, "--check")
    assert (said.code, said.out) == (1, "")
    assert f"would change {path}" in said.err
    said = cpsc("fmt", path, "--diff")
    assert said.code == 0
    assert f"-{UGLY}+{PRETTY}" in said.out
    assert cpsc("fmt", path, "--diff", "--check").code == 1
    assert path.read_text() == UGLY
    monkeypatch.chdir(home)
    assert cpsc("fmt").err == "formatted a.cps\n"
    assert path.read_text() == PRETTY
    assert path.stat().st_mode & 0o777 == 0o600
    assert hidden.read_text() == UGLY
    assert cpsc("fmt", path) == cpsc("fmt", path, "--check") == cpsc("fmt", path, "--diff")
    assert cpsc("fmt", "-", stdin=UGLY.encode()).out == PRETTY
    assert cpsc("fmt", "-", "--check", stdin=UGLY.encode()).code == 1


def test_fmt_leaves_what_does_not_parse(home: Path) -> None:
    (home / "a.cps").write_text("const A = ;")
    (home / "b.cps").write_text(UGLY)
    (home / "c.cps").write_bytes(b"\xff")
    said = cpsc("fmt", home)
    assert said.code == 1
    assert "a.cps:1:" in said.err
    assert "c.cps is not UTF-8" in said.err
    assert (home / "a.cps").read_text() == "const A = ;"
    assert (home / "b.cps").read_text() == PRETTY
    (home / "b.cps").write_bytes(b"\xef\xbb\xbfconst A: i32 = 1;\r\n")
    assert cpsc("fmt", home / "b.cps").code == 0
    assert (home / "b.cps").read_bytes() == PRETTY.encode()


def test_doc_shows_modules_and_files() -> None:
    assert "std.random" in cpsc("doc").out
    text = cpsc("doc", "std.random").out
    assert "fn philox(seed: u64, x: i32, y: i32) -> u32" in text
    assert "A random word for a place." in text
    assert "# dither.cps" in cpsc("doc", DITHER).out
    said = cpsc("doc", "std.rand")
    assert said.code == 2
    assert "std.random" in said.err


def test_a_library_file_can_be_checked(home: Path) -> None:
    path = home / "lib.cps"
    path.write_text("/// Twice.\nfn twice(v: i32) -> i32 { return 2 * v; }\n")
    assert cpsc("check", path).code == 0
    assert "CPS0608" in cpsc("build", path).err
    path.write_text("fn twice(v: i32) -> i32 { return 2 * true; }\n")
    assert cpsc("check", path).code == 1
