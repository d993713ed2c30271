"""House rules that a program can check."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("vm", "compiler", "stdlib", "cpushare", "bench")
FILE_LINES, FUNCTION_LINES, MEDIAN_LINES, COLUMNS = 500, 70, 10, 100
GENERATED = {"vm/sandbox/launcher_code.py", "compiler/tables.py"}


def tracked(*suffixes: str) -> list[str]:
    """Files under version control; all files where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        places = [ROOT / name for name in (*PACKAGES, "tests", "docs", "examples")]
        listed = [str(p.relative_to(ROOT)) for place in places for p in place.rglob("*")]
    return sorted(name for name in listed if name.endswith(suffixes) and (ROOT / name).is_file())


PYTHON = tracked(".py")
OURS = [name for name in PYTHON if name.split("/")[0] in PACKAGES]
TEXTS = tracked(".py", ".cps", ".md", ".toml", ".lark", "Makefile", ".ci/run", ".txt")


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def length(function: ast.FunctionDef) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


@pytest.mark.parametrize("name", PYTHON)
def test_a_file_is_one_idea(name: str) -> None:
    text = (ROOT / name).read_text()
    lines = text.splitlines()
    assert name in GENERATED or len(lines) <= FILE_LINES
    texts = [re.sub(r"  # (type|noqa): ?.*", "", line) for line in lines]
    assert name in GENERATED or [text for text in texts if len(text) > COLUMNS] == []
    tree = ast.parse(text)
    assert [f.name for f in functions(tree) if length(f) > FUNCTION_LINES] == []
    for node in ast.walk(tree):
        assert not (isinstance(node, ast.ImportFrom) and node.level), "imports are absolute"


def test_functions_are_short() -> None:
    lengths = [length(f) for name in OURS for f in functions(ast.parse((ROOT / name).read_text()))]
    assert statistics.median(lengths) <= MEDIAN_LINES


@pytest.mark.parametrize("name", [name for name in OURS if name not in GENERATED])
def test_what_is_public_says_what_it_is(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text())
    assert ast.get_docstring(tree), "a module says what it is"
    bare = [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert name.startswith("bench/") or bare == []


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_left_lying_about(name: str) -> None:
    if name == "tests/test_tidy.py":
        return
    text = (ROOT / name).read_text()
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)
    assert not re.search(r"/(work|home/(?!me/)\w+|root)/", text), "a path of somebody's machine"
    assert text.endswith("\n") or not text
    if name.startswith("tests/cases/"):
        return
    assert name == "Makefile" or "\t" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_documents_link_to_what_exists() -> None:
    for name in tracked(".md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text()):
            assert (ROOT / name).parent.joinpath(target).exists(), f"{name}: {target}"
