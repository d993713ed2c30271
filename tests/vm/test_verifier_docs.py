"""docs/verifier.md is the specification: every rule with programs, and they end as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.vm.listings import encoded, framed
from vm.errors import Invalid
from vm.verifier import verify
from vm.verifier.rules import Rule

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "verifier.md").read_text()
SECTION = re.compile(r"^### (V\d+): (.*?)\n(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
LISTING = re.compile(r"^```cpa (refused|accepted)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CASES = ROOT / "tests" / "cases"
REFUSED = sorted((CASES / "invalid").glob("*.cpa"))
ACCEPTED = sorted((CASES / "valid").glob("*.cpa"))
WITHOUT_PROGRAM = {"V25"}  # other limits keep memory far below this one


def rule_of(path: Path) -> str:
    """A case is named after its rule."""
    return path.stem.partition("-")[0]


def test_every_rule_has_a_section_in_its_own_words() -> None:
    found = {number: text for number, text, _ in SECTION.findall(PAGE)}
    assert found == {rule.number: rule.text for rule in Rule}


@pytest.mark.parametrize(("number", "body"), [(n, b) for n, _, b in SECTION.findall(PAGE)])
def test_its_programs_are_refused_and_accepted(number: str, body: str) -> None:
    listings = LISTING.findall(body)
    wanted = set() if number in WITHOUT_PROGRAM else {"refused", "accepted"}
    assert {kind for kind, _ in listings} == wanted
    for kind, text in listings:
        data = encoded(framed(text))
        if kind == "accepted":
            assert verify(data).kernels["k"]
            continue
        with pytest.raises(Invalid) as caught:
            verify(data)
        assert caught.value.rule == number


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_refused(path: Path, bless: bool) -> None:
    with pytest.raises(Invalid) as caught:
        verify(encoded(path.read_text()))
    assert caught.value.rule == rule_of(path)
    golden = path.with_suffix(".txt")
    if bless:
        golden.write_text(f"{caught.value}\n")
    assert golden.read_text() == f"{caught.value}\n"


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_accepted(path: Path) -> None:
    assert verify(encoded(path.read_text())).kernels


def test_every_rule_has_a_case() -> None:
    numbers = {rule.number for rule in Rule} - WITHOUT_PROGRAM
    assert {rule_of(path) for path in REFUSED} == numbers
    assert {rule_of(path) for path in ACCEPTED} == numbers
    goldens = {path.stem for path in (CASES / "invalid").glob("*.txt")}
    assert goldens == {path.stem for path in REFUSED}
