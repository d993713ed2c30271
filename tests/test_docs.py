"""What the documents say is true: listings compile, commands exist, tables are complete."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from compiler.pipeline import compile_text
from compiler.testing import run_tests
from cpushare.cpsc.main import VERBS
from cpushare.testruns import interpret
from tests.cpushare.cli import cpsc

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"]
PAGES += [f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))]


def listings(language: str) -> list[tuple[str, str]]:
    """(name, text) of every listing in a language, in all documents."""
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text()
        for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start()) + 2
            found.append((f"{page}:{line}", match.group(1)))
    return found


@pytest.mark.parametrize(("name", "text"), listings("cps"), ids=lambda value: str(value)[:40])
def test_a_listing_compiles_and_its_tests_pass(name: str, text: str, tmp_path: Path) -> None:
    compiled = compile_text(text, name)
    assert compiled.warnings == ()
    path = tmp_path / "listing.cps"
    path.write_text(text)
    for result in run_tests(path, {"interpreter": interpret}, lambda result: None):
        assert result.passed, result.name


def commands() -> list[str]:
    return [
        line.split("#")[0].strip()
        for _, text in listings("sh")
        for line in text.splitlines()
        if line.startswith("cpsc ")
    ]


@pytest.mark.parametrize("line", commands())
def test_a_command_is_one_that_exists(line: str) -> None:
    words = shlex.split(line)[1:]
    assert words[0] in VERBS or words[0].endswith(".cps")
    if words[0] not in VERBS:
        return
    kernels = [word for word in words if word == "dither.cps"]
    example = [str(ROOT / "examples" / word) for word in kernels]
    text = cpsc(words[0], *example, "--help").out
    for word in words:
        if word.startswith("--") and (example or word in text):
            assert word in text


def test_every_page_of_docs_is_reachable_from_the_readme() -> None:
    seen, todo = set(), ["README.md"]
    while todo:
        page = todo.pop()
        seen.add(page)
        for target in re.findall(r"\]\(([^)#:]+\.md)", (ROOT / page).read_text()):
            path = (ROOT / page).parent.joinpath(target).resolve().relative_to(ROOT)
            if str(path) not in seen:
                todo.append(str(path))
    assert set(PAGES) <= seen


def test_every_verb_is_in_the_changelog() -> None:
    text = " ".join((ROOT / "CHANGELOG.md").read_text().split())
    for verb in VERBS:
        assert re.search(rf"\b{verb}\b", text), verb


RULE = re.compile(r"^\* \*\*([TLBA]\d+)\*\* ", re.MULTILINE)
NAMED = re.compile(r"\b([TLBA]\d+)\b")


def test_every_rule_of_the_language_has_a_test_that_names_it() -> None:
    """Types, loops, borders, arithmetic: by the name of a test, or by a program that is refused."""
    cases = ROOT / "tests" / "cases"
    rules = RULE.findall((ROOT / "docs" / "language.md").read_text())
    assert len(rules) == len(set(rules)) > 50
    named: set[str] = set()
    for path in cases.glob("*/rules_*.cps"):
        for name in re.findall(r'^test "([^"]*)"', path.read_text(), re.MULTILINE):
            named.update(NAMED.findall(name))
    for path in (cases / "error").glob("*.cps"):
        for name in re.findall(r"^// rule (\w+)$", path.read_text(), re.MULTILINE):
            named.add(name)
    assert set(rules) == named


def test_the_tests_that_documents_name_are_there() -> None:
    named = 0
    for page in PAGES:
        for path, test in re.findall(
            r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / page).read_text()
        ):
            text = (ROOT / path).read_text()
            assert not test or f"def {test}(" in text, f"{page}: {path}::{test}"
            named += 1
    assert named > 40


def test_python_listings_run_and_their_properties_hold() -> None:
    for name, text in listings("python"):
        if "@given" not in text:
            continue
        space: dict[str, object] = {"__name__": "listing"}
        exec(compile(text, name, "exec"), space)  # our own document
        for key, value in space.items():
            if key.startswith("test_"):
                value()  # type: ignore[operator]


def test_the_grammar_in_the_documents_is_the_parsers() -> None:
    text = (ROOT / "compiler" / "grammar.lark").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("//")]
    ((_, listed),) = listings("lark")
    assert listed.strip() == "\n".join(lines).strip()
