"""cpsc new, completion, colours for editors and pages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pygments.lexers import get_lexer_for_filename
from pygments.token import Error, Keyword, Name, Number

from compiler.check.builtins import BUILTINS
from compiler.check.images import VIEWS
from compiler.tokens import KEYWORDS
from cpushare import site
from cpushare.highlight import CpsLexer
from cpushare.images import read_image
from cpushare.triptych import triptych
from tests.cpushare.cli import ROOT, cpsc
from vm.types import ScalarType

LINK = re.compile(r'(?:href|src)="(?!https?:)([^"#]+)(?:#[^"]*)?"')
SOURCES = sorted([*(ROOT / "examples").glob("*.cps"), *(ROOT / "stdlib").rglob("*.cps")])


# cpsc new.


def test_a_new_project_works_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = cpsc("new", "My-Filter 2")
    assert said.code == 0
    folder = tmp_path / "My-Filter 2"
    names = ["README.md", "my_filter_2.cps", "picture.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    monkeypatch.chdir(folder)
    assert cpsc("test", ".", "--interpret").code == 0
    assert cpsc("fmt", "--check", ".").code == 0
    assert cpsc("check", "my_filter_2.cps").err == ""
    out = ["-o", "out.png", "--interpret", "--gain", "0"]
    assert cpsc("run", "my_filter_2.cps", "picture.png", *out).code == 0
    assert (read_image("out.png") == 128).all()
    assert len(np.unique(read_image("picture.png"))) > 200


@pytest.mark.parametrize("name", ["3d", "...", "kernel", "x" * 80])
def test_names_that_are_none(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cpsc("new", name).code == 2
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    said = cpsc("new", tmp_path / "a")
    assert said.code == 2
    assert "is there already" in said.err


# Completion.


def completed(line: str, shell: str, folder: Path) -> list[str]:
    """What a real shell offers for the last word of a line."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    script = cpsc("completion", shell).out
    words = line.split(" ")
    bash = (
        f"{script}\nCOMP_WORDS=({' '.join(words)!s}); COMP_CWORD={len(words) - 1}\n"
        '_cpsc_completion cpsc\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    fish = f"{script}\ncomplete -C '{line}'\n"
    zsh = (  # its own completion functions exist only where somebody types
        "compdef() {}; compadd() { print -l -- $completions; }\n"
        "_describe() { print -l -- $completions_with_descriptions; }\n"
        f"{script}\nwords=({' '.join(words)}); CURRENT={len(words)}\n_cpsc_completion\n"
    )
    tool = folder / "bin"
    tool.mkdir(exist_ok=True)
    (tool / "cpsc").write_text(f'#!/bin/sh\nexec {sys.executable} -m cpushare.cpsc.main "$@"\n')
    (tool / "cpsc").chmod(0o755)
    path = f"{tool}:{os.environ['PATH']}"
    ran = subprocess.run(
        [shell, "-c", {"bash": bash, "fish": fish, "zsh": zsh}[shell]],
        capture_output=True, text=True, cwd=folder, timeout=120, check=False,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(folder)},
    )  # fmt: skip
    return [re.split(r"[\t:]", word)[0] for word in ran.stdout.split("\n") if word.strip()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_verbs_files_and_parameters(shell: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "dither.cps", tmp_path / "halve.cps")
    (tmp_path / "notes.txt").write_text("no program")
    (tmp_path / "wrong.cps").write_text("kernel (")
    assert completed("cpsc comp", shell, tmp_path) == ["completion"]
    assert completed("cpsc run ha", shell, tmp_path) == ["halve.cps"]
    assert completed("cpsc run halve.cps --thre", shell, tmp_path) == ["--threshold"]
    assert completed("cpsc ha", shell, tmp_path) == ["halve.cps"]
    assert completed("cpsc run no", shell, tmp_path) in ([], ["notes.txt"])
    assert "--threshold" not in completed("cpsc run wrong.cps --", shell, tmp_path)


# Colours.


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_lexer_knows_every_token(path: Path) -> None:
    text = path.read_text()
    lexer = get_lexer_for_filename(path.name)
    tokens = list(lexer.get_tokens(text))
    assert isinstance(lexer, CpsLexer)
    assert "".join(word for _, word in tokens) == text
    assert not [word for kind, word in tokens if kind is Error]


def test_words_have_their_colours() -> None:
    kinds = {
        word: kind for kind, word in CpsLexer().get_tokens("kernel k(param v: f32 = 1.5e3) {}")
    }
    assert (kinds["kernel"], kinds["f32"]) == (Keyword, Keyword.Type)
    assert (kinds["k"], kinds["1.5e3"]) == (Name.Function, Number)


def test_vim_knows_the_words_of_the_language() -> None:
    text = (ROOT / "editors" / "vim" / "syntax" / "cps.vim").read_text()
    words = {*KEYWORDS, *BUILTINS, *VIEWS, *map(str, ScalarType)}
    assert {word for word in words if not re.search(rf"\b{word}\b", text)} == set()


def test_the_site_colours_listings_and_has_no_dead_links(tmp_path: Path) -> None:
    pages = site.make(tmp_path)
    assert len(pages) > 8
    language = (tmp_path / "docs" / "language.html").read_text()
    assert '<span class="k">kernel</span>' in language
    for page in pages:
        for target in re.findall(
            r'(?:href|src)="(?!https?:)([^"#]+)(?:#[^"]*)?"', page.read_text()
        ):
            kept = page.parent / target
            outside = ROOT / kept.relative_to(tmp_path) if kept.is_relative_to(tmp_path) else kept
            assert kept.exists() or outside.exists(), (page.name, target)


# Pictures of differences.


def test_a_picture_shows_where_images_differ() -> None:
    left = np.zeros((20, 40), np.uint8)
    right = left.copy()
    right[5, 7] = 255
    shown = triptych(left, right)
    assert shown.shape == (80, 3 * 160 + 2 * 8, 3)
    red = (shown == (255, 32, 32)).all(axis=2)
    assert red.sum() == 16
    assert red[20, 2 * 168 + 28]


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.bool_])
def test_any_numbers_can_be_shown(kind: type) -> None:
    image = np.arange(300).reshape(10, 10, 3).astype(kind)
    assert triptych(image, image[:5]).dtype == np.uint8
    if kind is np.float32:
        image[0, 0] = np.nan
        image[1, 1] = np.inf
        assert triptych(image, image).shape[2] == 3
