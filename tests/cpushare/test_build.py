"""cpsc build, check, verify, info, cost, disasm, asm, explain, and what `cpsc` says of itself."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.catalogue import CATALOGUE
from cpushare.cpsc.main import VERBS
from tests.cpushare.cli import DITHER, command, cpsc, leftovers
from vm.limits import MODULE_BYTES

WRONG = """kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in src {
        dst[x, y] = srk[x, y];
    }
}
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """examples/dither.cps, compiled."""
    path = tmp_path_factory.mktemp("built") / "dither.cpb"
    assert cpsc("build", DITHER, "-o", path).code == 0
    return path


def test_a_source_file_alone_is_built_beside_itself(tmp_path: Path) -> None:
    source = tmp_path / "dither.cps"
    source.write_bytes(DITHER.read_bytes())
    said = cpsc(source)
    assert (said.code, said.out) == (0, "")
    assert "price 40·w·h + 2·w + 2·h + 31" in said.err
    data = (tmp_path / "dither.cpb").read_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] in said.err
    assert leftovers(tmp_path) == []


def test_the_same_source_gives_the_same_bytes(tmp_path: Path, built: Path) -> None:
    again = cpsc("build", DITHER, "-o", "-")
    assert again.data == built.read_bytes()
    piped = cpsc("-", "-o", tmp_path / "out.cpb", stdin=DITHER.read_bytes())
    assert piped.code == 0
    assert (tmp_path / "out.cpb").is_file()


def test_an_error_has_a_caret_and_writes_nothing(tmp_path: Path) -> None:
    source = tmp_path / "wrong.cps"
    source.write_text(WRONG)
    said = cpsc(source)
    assert said.code == 1
    assert f"{source}:3:21" in said.err
    assert "^^^" in said.err
    assert "did you mean 'src'" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.cps"]


def test_check_lists_every_diagnostic_as_json(tmp_path: Path) -> None:
    source = tmp_path / "wrong.cps"
    source.write_text(WRONG + WRONG.replace("kernel k", "kernel l"))
    said = cpsc("check", "--json", DITHER, source)
    assert said.code == 1
    assert len(said.objects) == 2
    assert {entry["code"] for entry in said.objects} <= CATALOGUE.keys()
    assert cpsc("check", DITHER).code == 0


def test_a_build_says_what_it_made_as_json(tmp_path: Path) -> None:
    (entry,) = cpsc("build", "--json", DITHER, "-o", tmp_path / "d.cpb").objects
    assert entry["bytes"] == (tmp_path / "d.cpb").stat().st_size
    assert entry["hash"] == hashlib.sha256((tmp_path / "d.cpb").read_bytes()).hexdigest()


def test_verify_tells_what_was_proved(built: Path) -> None:
    (entry,) = cpsc("verify", "--json", built).objects
    assert entry["accepted"] is True
    assert entry["checked"] == 0
    assert entry["cost"] == {"dither": "40·w·h + 2·w + 2·h + 31"}
    assert set(entry) == {
        "hash", "meaning", "accepted", "proved", "checked", "cost", "memory", "doubts",
        "kernels", "error",
    }  # fmt: skip
    assert "accepted" in cpsc("verify", built).out


@pytest.mark.parametrize("verb", ["verify", "run", "cost", "info", "disasm"])
@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "random", "text", "oversize"])
def test_damaged_bytecode_is_refused(built: Path, tmp_path: Path, verb: str, damage: str) -> None:
    good = built.read_bytes()
    bad = {
        "empty": b"",
        "cut": good[: len(good) // 2],
        "flipped": good[:2] + bytes([good[2] ^ 0x40]) + good[3:],
        "random": random.Random(1).randbytes(300),
        "text": DITHER.read_bytes(),
        "oversize": good + bytes(MODULE_BYTES),
    }[damage]
    path = tmp_path / "bad.cpb"
    path.write_bytes(bad)
    said = cpsc(verb, path)
    assert said.code == 1
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err


def test_no_flipped_bit_and_no_cut_gets_through_unseen(built: Path, tmp_path: Path) -> None:
    """Either it is refused, or it is another program, with another name."""
    good, path = built.read_bytes(), tmp_path / "bad.cpb"
    (whole,) = cpsc("verify", "--json", built).objects
    chance = random.Random(2)
    for _ in range(200):
        at, bit = chance.randrange(len(good)), 1 << chance.randrange(8)
        path.write_bytes(good[:at] + bytes([good[at] ^ bit]) + good[at + 1 :])
        said = cpsc("verify", "--json", path)
        (entry,) = said.objects
        assert said.code == (0 if entry["accepted"] else 1)
        assert entry.get("hash") != whole["hash"]
    for _ in range(60):
        path.write_bytes(good[: chance.randrange(len(good))])
        assert cpsc("verify", path).code == 1


def test_a_refusal_names_rule_kernel_and_instruction(tmp_path: Path) -> None:
    text = cpsc("disasm", DITHER).out
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if " add" in line or line.strip() == "i32.add")
    lines.insert(at, lines[at])
    (tmp_path / "wrong.cpa").write_text("\n".join(lines) + "\n")
    said = cpsc("asm", tmp_path / "wrong.cpa")
    assert said.code == 1
    assert "V" in said.err
    assert "dither" in said.err
    assert not (tmp_path / "wrong.cpb").exists()


def test_text_and_bytes_are_two_forms_of_one_program(built: Path, tmp_path: Path) -> None:
    text = cpsc("disasm", built)
    (tmp_path / "dither.cpa").write_text(text.out)
    assert cpsc("asm", tmp_path / "dither.cpa").code == 0
    assert (tmp_path / "dither.cpb").read_bytes() == built.read_bytes()


def test_cost_is_an_expression_and_a_number(built: Path) -> None:
    assert "40·w·h + 2·w + 2·h + 31 units" in cpsc("cost", built).out
    (entry,) = cpsc("cost", built, "--size", "100x50", "--json").objects
    assert entry["units"] == 40 * 100 * 50 + 2 * 100 + 2 * 50 + 31
    said = cpsc("cost", built, "--size", "100")
    assert said.code == 2
    assert "1920x1080" in said.err


def test_info_explains_the_form_of_each_loop() -> None:
    (entry,) = cpsc("info", DITHER, "--explain", "--json").objects
    (loop,) = entry["loops"]
    assert (loop["loop"], loop["form"]) == ("scan", "wavefront")
    assert "each line 2 places behind the one above; carries i16" in loop["why"]
    text = cpsc("info", DITHER.with_name("ostromoukhov.cps"), "--explain", "--cpu", "x86-64-v4").out
    assert "scan: scalar (lines turn around" in text
    assert "loops" not in cpsc("info", DITHER, "--json").objects[0]


def test_info_shows_images_parameters_and_sources(built: Path) -> None:
    text = cpsc("info", built).out
    for part in ("kernel dither", "src: image<u8>", "--threshold", "0..=255", "dither.cps"):
        assert part in text
    (entry,) = cpsc("info", built, "--json").objects
    assert [image["name"] for image in entry["images"]] == ["src", "dst"]
    assert {"name", "type", "length", "range", "default", "doc"} <= set(entry["parameters"][0])


def test_every_code_is_explained() -> None:
    for code in CATALOGUE:
        said = cpsc("explain", code.lower())
        assert said.code == 0
        assert code in said.out
    said = cpsc("explain", "CPS9999")
    assert said.code == 2
    assert "no error code" in said.err


def test_help_lists_every_verb_and_teaches() -> None:
    said = cpsc("--help")
    assert said.code == 0
    for verb in VERBS:
        assert f"  {verb} " in said.out
    assert "cpsc run dither.cps photo.jpg" in said.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    said = cpsc(verb, "--help")
    assert said.code == 0
    assert said.out.startswith("Usage: cpsc")


def test_a_kernels_parameters_are_in_its_help() -> None:
    text = cpsc("run", DITHER, "--help").out
    assert "--threshold i32" in text
    assert "[0..=255]" in text
    assert "--serpentine / --no-serpentine" in text


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["biuld", "x.cps"], "did you mean 'build'"),
        (["dither.cpb"], "did you mean 'cpsc run dither.cpb'"),
        (["build"], "Missing argument"),
        (["run", DITHER, "--treshold", "3"], "--threshold"),
    ],
)
def test_usage_errors_show_the_way(arguments: list[object], hint: str) -> None:
    said = cpsc(*arguments)
    assert said.code == 2
    assert hint in said.err


def test_versions() -> None:
    text = cpsc("--version").out
    for part in ("cpsc 0.", "language 1", "bytecode 1", "llvmlite 0.", "LLVM "):
        assert part in text


@pytest.mark.parametrize("verb", ["build", "check", "run", "verify", "test", "disasm", "info"])
def test_a_missing_file_is_an_io_error(verb: str, tmp_path: Path) -> None:
    suffix = "cpb" if verb == "verify" else "cps"
    said = cpsc(verb, tmp_path / f"none.{suffix}")
    assert said.code == 5
    assert "none" in said.err


HEAVY = {"llvmlite", "lark", "rich", "PIL", "importlib.metadata"}
SLOW = {"dataclasses", "importlib.resources", "tempfile", "json", "compiler.catalogue"}
LAZY = """
import sys
from cpushare.cpsc.main import run
code = run(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], HEAVY | SLOW | {"numpy", "msgspec", "compiler", "vm"}),
        (["check", DITHER], HEAVY | SLOW | {"numpy"}),
        (["build", DITHER, "-o", "OUT"], HEAVY | SLOW | {"numpy"}),
        (["cost", DITHER], HEAVY),
    ],
    ids=["help", "check", "build", "cost"],
)
def test_only_what_is_needed_is_imported(
    arguments: list[object], unwanted: set[str], tmp_path: Path
) -> None:
    """`cpsc --help` and an ordinary build start without the heavy libraries."""
    words = [str(tmp_path / "out.cpb") if word == "OUT" else str(word) for word in arguments]
    line = [sys.executable, "-c", LAZY, *words]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
    assert not unwanted & set(done.stderr.split())


def test_a_closed_pipe_is_no_error() -> None:
    line = " ".join(command("disasm", DITHER)) + " | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
