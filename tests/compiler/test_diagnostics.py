"""Wrong programs: each names its errors on their lines, and keeps its messages beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from compiler.catalogue import CATALOGUE, TITLES, explain
from compiler.check.program import check_program
from compiler.diagnostics import CompileError, Diagnostic, Diagnostics
from compiler.pipeline import compile_source
from compiler.source import Source, Span

CASES = sorted((Path(__file__).parent.parent / "cases" / "error").glob("*.cps"))
WARNED = sorted((Path(__file__).parent.parent / "cases" / "warning").glob("*.cps"))
COMPILER = Path(__file__).parent.parent.parent / "compiler"


def errors_of(source: Source) -> CompileError:
    with pytest.raises(CompileError) as caught:
        compile_source(source)
    return caught.value


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_wrong_program(path: Path, bless: bool) -> None:
    error = errors_of(Source.from_path(path, name=path.name))
    check_golden(path, error.diagnostics, error.render(), bless)


@pytest.mark.parametrize("path", WARNED, ids=lambda path: path.stem)
def test_doubtful_program(path: Path, bless: bool) -> None:
    warnings = compile_source(Source.from_path(path, name=path.name)).warnings
    assert {each.severity for each in warnings} == {"warning"}
    text = "\n\n".join(warning.render() for warning in warnings)
    check_golden(path, warnings, text, bless)


def check_golden(path: Path, found: tuple[Diagnostic, ...], text: str, bless: bool) -> None:
    """The codes stand on the lines that are marked with them, the text beside the program."""
    marked = {
        (number, code)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for code in re.findall(r"//~ (CPS\d{4})", line)
    }
    lines = {(each.span.line, each.code) for each in found if each.span}
    assert lines == marked or not marked
    golden = path.with_suffix(".txt")
    if bless:
        golden.write_text(text + "\n")
    assert golden.read_text() == text + "\n"


def test_there_are_enough_cases_and_no_stray_goldens() -> None:
    assert len(CASES) >= 90
    goldens = {path.stem for path in CASES[0].parent.glob("*.txt")}
    assert goldens == {path.stem for path in CASES}


def test_every_code_is_in_the_catalogue_and_used() -> None:
    used = set()
    for path in COMPILER.rglob("*.py"):
        if "catalogue" not in path.parts:
            used |= set(re.findall(r"CPS\d{4}", path.read_text()))
    assert used <= set(CATALOGUE)


def test_most_codes_have_a_case() -> None:
    shown = {code for path in CASES + WARNED for code in re.findall(r"CPS\d{4}", path.read_text())}
    shown |= {"CPS0102"}
    hard = {code for code in CATALOGUE if code not in shown}
    assert len(hard) <= 24, sorted(hard)


def test_explanations_have_a_wrong_and_a_right_program() -> None:
    for code, entry in CATALOGUE.items():
        assert entry.wrong, code
        assert entry.right != entry.wrong, code
        assert entry.text.endswith(".") or not entry.text, code
        assert not entry.title.endswith("."), code
        assert explain(code.lower()) is not None
    assert explain("CPS9999") is None


def one(text: str, start: int, end: int, **more: object) -> Diagnostic:
    source = Source.from_text("a.cps", text)
    return Diagnostic("CPS0121", "message", Span(source, start, end), "label", **more)  # type: ignore[arg-type]


def test_the_shape_of_a_message() -> None:
    text = "let a = 1;\nlet b = lebel;\n"
    found = one(text, 19, 24, helps=("do this",), notes=("because",))
    assert found.render() == (
        "error[CPS0121]: message\n"
        " --> a.cps:2:9\n"
        "  |\n"
        "2 | let b = lebel;\n"
        "  |         ^^^^^ label\n"
        "  = help: do this\n"
        "  = note: because"
    )


def test_tabs_and_wide_characters_keep_the_caret_under_its_place() -> None:
    lines = one('\tlet 幅 = "a\tb" + v;', 16, 17).render().split("\n")
    assert lines[3] == '1 |     let 幅 = "a    b" + v;'
    assert lines[4] == "  |                        ^ label"  # one column further: 幅 is two wide


def test_control_characters_cannot_repaint_the_terminal() -> None:
    found = one("let a = \x1b[31m;\u202e", 8, 9)
    assert "\x1b" not in found.render()
    assert "\\u{1b}" in found.render()
    assert "\u202e" not in found.render()


def test_colour_only_when_asked() -> None:
    found = one("let a = b;", 8, 9)
    assert "\x1b[" in found.render(colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", found.render(colour=True)) == found.render()


def test_long_lines_are_shown_in_part() -> None:
    found = one("let a = 1;" * 1000 + "oops", 10_000, 10_004)
    assert max(map(len, found.render().split("\n"))) < 200
    assert "^^^^" in found.render()


def test_an_empty_line_and_the_end_of_the_file_can_be_pointed_at() -> None:
    assert one("", 0, 0).render().split("\n")[-1] == "  | ^ label"
    assert "a.cps:2:1" in one("a\n", 2, 2).render()


def test_json_has_places() -> None:
    found = one("let a = 1;\nlet b = lebel;\n", 19, 24, helps=("do this",))
    data = json.loads(json.dumps(found.to_json()))
    assert data["place"] == {
        "file": "a.cps", "line": 2, "column": 9, "end_line": 2, "end_column": 14,
    }  # fmt: skip
    assert data["helps"] == ["do this"]
    assert data["severity"] == "error"


def test_the_same_finding_is_reported_once() -> None:
    source = Source.from_text("a.cps", "abc")
    collected = Diagnostics()
    for _ in range(3):
        collected.error("CPS0121", Span(source, 0, 1))
    assert [each.message for each in collected.found] == [TITLES["CPS0121"]]


def test_there_is_an_end_to_reporting() -> None:
    body = "".join(f"let a{i} = b{i};\n" for i in range(500))
    error = errors_of(Source.from_text("a.cps", "fn f() {\n" + body + "}\n"))
    assert len(error.diagnostics) == 50


def test_warnings_come_with_the_program_and_not_with_errors() -> None:
    good = "fn f() -> i32 {\n    let a = 1;\n    let _b = 2;\n    return 3;\n}\n"
    program = check_program(Source.from_text("a.cps", good))
    assert [(each.code, each.span.line if each.span else 0) for each in program.warnings] == [
        ("CPS0124", 2)
    ]
    assert program.warnings[0].render().startswith("warning[CPS0124]: 'a' is never used")
    wrong = errors_of(Source.from_text("a.cps", good.replace("3", "true")))
    assert {each.severity for each in wrong.diagnostics} == {"error"}
