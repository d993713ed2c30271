"""The formatter: goldens, and what holds of any file: nothing is lost, once is enough."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.diagnostics import CompileError
from compiler.fmt import format_text, leaves_of
from compiler.fmt.leaves import comments, same_program, words
from compiler.pipeline import compile_text
from compiler.samples import programs
from compiler.samples.programs import random_program
from compiler.tokens import PATTERN
from tests.compiler.fmt_goldens import GOLDENS, WHOLE_GRAMMAR
from vm.verifier import verify

ROOT = Path(__file__).parents[2]
OURS = sorted([*(ROOT / "examples").rglob("*.cps"), *(ROOT / "stdlib").rglob("*.cps")])
FILES = [*OURS, *sorted((ROOT / "tests" / "cases").rglob("*.cps"))]
BETWEEN = ["", " ", "\t", "\n", "\r\n\n\n", " // beside\n", "\n// above \n", "\n\n/// doc\n\n"]


def parsing(paths: list[Path]) -> list[str]:
    """The texts of the files that parse."""
    texts = []
    for path in paths:
        text = path.read_text()
        try:
            format_text(text)
        except CompileError:
            continue
        texts.append(text)
    return texts


TEXTS = [*parsing(FILES), WHOLE_GRAMMAR]


def formatted(text: str) -> str:
    """The text formatted, of which everything holds that should."""
    result = format_text(text)
    assert format_text(result) == result
    assert comments(leaves_of(result)) == comments(leaves_of(text))
    assert words(leaves_of(result)) == words(leaves_of(text))
    lines = result.split("\n")
    assert all(line == line.rstrip() for line in lines)
    assert "\n\n\n" not in result
    assert not result.startswith("\n")
    return result


def meaning(text: str) -> str | None:
    """The hash of what a text computes; None if it does not compile."""
    try:
        return verify(compile_text(text).encoded).meaning
    except CompileError:
        return None


@pytest.mark.parametrize(("ugly", "pretty"), GOLDENS)
def test_goldens(ugly: str, pretty: str) -> None:
    assert formatted(ugly) == pretty
    assert formatted(pretty) == pretty


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_our_own_files_are_formatted(path: Path) -> None:
    assert formatted(path.read_text()) == path.read_text(), "run cpsc fmt examples stdlib"


def test_most_files_are_looked_at() -> None:
    assert len(TEXTS) > 80


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:30])
def test_a_file_keeps_its_meaning(text: str) -> None:
    assert meaning(formatted(text)) == meaning(text)


@pytest.mark.fuzz
@given(st.sampled_from(TEXTS), st.integers(0, 2**32), st.integers(2, 60))
def test_any_layout_and_comments_anywhere(text: str, seed: int, calm: int) -> None:
    formatted(shaken(text, random.Random(seed), calm))


@pytest.mark.fuzz
@given(programs())
def test_random_programs_keep_their_meaning(text: str) -> None:
    assert meaning(formatted(text)) == meaning(text)


def test_a_chain_whose_left_side_breaks_breaks_too() -> None:
    """Found by the fuzzer: the left side fitted, but not with the operator behind it."""
    formatted(random_program(8, 1))


def shaken(text: str, chance: random.Random, calm: int) -> str:
    """The text with other spaces, lines and comments between its tokens; fewer if `calm`."""
    parts = [""]
    for leaf in leaves_of(text):
        between = " " if chance.randrange(calm) else chance.choice(BETWEEN)
        if not between and not stays_apart(parts[-1], leaf.text):
            between = " "
        parts += [*(f"{comment.text}\n" for comment in leaf.comments), between, leaf.text]
        if leaf.trailing:
            parts.append(f"{leaf.trailing}\n")
    return "".join(parts)


def stays_apart(word: str, after: str) -> bool:
    """Whether two tokens remain two without a space."""
    match = PATTERN.match(word + after)
    return match is None or match.group() == word


def test_tokens_that_no_longer_agree_are_noticed() -> None:
    for other in ("const A: i32 = 2;", "const A: i32 = 1; // c", "const A: i32 = 1,;"):
        assert not same_program(leaves_of("const A: i32 = 1;"), leaves_of(other))
    assert same_program(leaves_of("f(a, b)"), leaves_of("f(\na,\nb,\n)"))


@pytest.mark.parametrize("text", ["kernel", 'test "a" { let = 1; }', "(", "fn f() { 'a' }"])
def test_what_does_not_parse_is_refused(text: str) -> None:
    with pytest.raises(CompileError):
        format_text(text)
