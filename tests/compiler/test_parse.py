"""From text to the untyped tree: every construct, limits, recovery, and soup that never crashes."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler import syntax
from compiler.check.program import check_program
from compiler.diagnostics import CompileError, Diagnostics
from compiler.parse import make_tables, parse
from compiler.source import SOURCE_BYTES, Source, SourceError, Span
from compiler.tables import GRAMMAR, KEPT, encoded, load
from compiler.tokens import KEYWORDS, SIGNS, TOKENS, tokenize

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = sorted([*(ROOT / "examples").glob("*.cps"), *(ROOT / "stdlib" / "std").glob("*.cps")])


def parsed(text: str) -> syntax.File:
    diagnostics = Diagnostics()
    file = parse(Source.from_text("a.cps", text), diagnostics)
    diagnostics.check()
    return file


def expression(text: str) -> syntax.Expr:
    (item,) = parsed(f"const C: i32 = {text};").items
    assert isinstance(item, syntax.ConstItem)
    return item.value


def errors(text: str) -> list[tuple[str, int]]:
    diagnostics = Diagnostics()
    with suppress(CompileError):
        parse(Source.from_text("a.cps", text), diagnostics)
    return [(each.code, each.span.line if each.span else 0) for each in diagnostics.found]


def shape(node: syntax.Expr) -> str:
    """The tree of an expression, with all brackets."""
    if isinstance(node, syntax.BinaryExpr):
        return f"({shape(node.left)} {node.operator} {shape(node.right)})"
    if isinstance(node, syntax.UnaryExpr):
        return f"({node.operator}{shape(node.operand)})"
    return node.span.text


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_programs_parse(path: Path) -> None:
    diagnostics = Diagnostics()
    file = parse(Source.from_path(path), diagnostics)
    assert not diagnostics.found
    assert file.items
    assert file.doc


def test_kept_tables_are_those_of_the_grammar() -> None:
    grammar = GRAMMAR.read_bytes()
    kept = KEPT.read_bytes()
    fresh = kept == encoded(make_tables(grammar))  # here: a difference would take long to show
    assert fresh, "run python -m compiler.parse"
    assert load().rules


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"),
        ("a << 1 + b & c", "((a << (1 + b)) & c)"),
        ("a | b ^ c & d", "(a | (b ^ (c & d)))"),
        ("a && b || c && d", "((a && b) || (c && d))"),
        ("a | b == c", "((a | b) == c)"),
        ("-a * !b", "((-a) * (!b))"),
        ("- - a", "(-(-a))"),
        ("(a + b) * c", "((a + b) * c)"),
        ("a - b - c", "((a - b) - c)"),
        ("a % b / c", "((a % b) / c)"),
    ],
)
def test_precedence(text: str, tree: str) -> None:
    assert shape(expression(text)) == tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0xff", 255),
        ("0b1010", 10),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("1.5e-3", 0.0015),
        ("2e3", 2000.0),
        ("2.5f32", 2.5),
        ("18446744073709551615", 2**64 - 1),
    ],
)
def test_numbers(text: str, value: float) -> None:
    node = expression(text)
    assert isinstance(node, syntax.Number)
    assert node.value == value
    assert node.is_float == isinstance(value, float)


@pytest.mark.parametrize("text", ["0x", "1u8", "0b12", "1.5f16", "1e", "12abc", "9" * 65])
def test_bad_numbers(text: str) -> None:
    assert errors(f"const C: i32 = {text};") == [("CPS0103", 1)]


def test_ranges_are_not_floats() -> None:
    (item,) = parsed("fn f() { for i in 0..5 { g(i); } for j in 1..=n step 2 { g(j); } }").items
    assert isinstance(item, syntax.FunctionItem)
    first, second = item.body.statements
    assert isinstance(first, syntax.ForStatement)
    assert isinstance(second, syntax.ForStatement)
    assert (first.range.closed, second.range.closed) == (False, True)
    assert second.step is not None


def test_documentation_goes_to_what_follows() -> None:
    file = parsed(
        "//! The file.\n//! More.\n/// The kernel.\nkernel k(\n  in src: image<u8>,\n"
        "  /// The level.\n  param level: i32 = 3,\n) { /// nothing\n let a = 1; }\n"
    )
    (kernel,) = file.items
    assert isinstance(kernel, syntax.KernelItem)
    assert file.doc == "The file.\nMore."
    assert kernel.doc == "The kernel."
    assert [each.doc for each in kernel.parameters] == ["", "The level."]


def test_soft_keywords_are_names_where_names_are_expected() -> None:
    parsed(
        "kernel k(in src: image<u8>, param step: i32 = 1, param by: i32 = 2) {\n"
        "  let out = step + by; let map = out; test(map); }\n"
    )


def test_escapes_in_texts() -> None:
    (item,) = parsed(r'test "a\n\"b\"\\" { }').items
    assert isinstance(item, syntax.TestItem)
    assert item.name.value == 'a\n"b"\\'


def test_every_node_has_the_span_of_its_text() -> None:
    node = expression("  f( a+1 , n : [1,2] ) [ 3 ]")
    assert node.span.text == "f( a+1 , n : [1,2] ) [ 3 ]"
    assert isinstance(node, syntax.IndexExpr)
    assert isinstance(node.base, syntax.CallExpr)
    assert [each.span.text for each in node.base.arguments] == ["a+1", "n : [1,2]"]


def test_several_errors_are_found() -> None:
    text = "fn f() {\n let a = ;\n let b = 1;\n b = = 2;\n}\nfn 5() {}\nfn g() { let c 3; }\n"
    assert errors(text) == [("CPS0104", line) for line in (2, 4, 6, 7)]


def test_an_error_in_a_nested_block_does_not_end_the_outer_one() -> None:
    text = "fn f() {\n if a { b + ; }\n else { c = ; }\n for i in 0..3 { d e }\n g h;\n}\n"
    assert [line for _, line in errors(text)] == [2, 3, 4, 5]


@pytest.mark.parametrize("opening", ["(", "[", "{", "-", "!", "f(", "if a { if b { "])
def test_deep_nesting_ends_in_a_diagnostic(opening: str) -> None:
    for tail in ("", "1"):
        found = errors("const C: i32 = " + opening * 10_000 + tail)
        assert found
        assert found[-1][0] in ("CPS0104", "CPS0105", "CPS0106")


def test_long_chains_are_bounded() -> None:
    assert not errors("const C: i32 = " + " + ".join(["1"] * 150) + ";")
    assert errors("const C: i32 = " + " + ".join(["1"] * 200) + ";") == [("CPS0105", 1)]
    chain = "if a { } else " * 2000 + "{ }"
    assert errors("fn f() { " + chain + " }") == [("CPS0105", 1)]


def test_limits_of_text_tokens_and_names() -> None:
    with pytest.raises(SourceError, match="larger than 1024 KiB"):
        Source.from_text("a.cps", " " * (SOURCE_BYTES + 1))
    assert Source.from_text("a.cps", " " * SOURCE_BYTES).text
    assert errors(";" * (TOKENS + 2))[0][0] == "CPS0107"
    assert not errors(f"const {'a' * 64}: i32 = 1;")
    assert errors(f"const {'a' * 65}: i32 = 1;") == [("CPS0108", 1)]


def test_files_that_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "a.cps"
    path.write_bytes(b"// fine\n// \xff\xfe\n")
    with pytest.raises(SourceError, match=r"not UTF-8 text \(line 2\)"):
        Source.from_path(path)
    path.write_bytes(b"\xef\xbb\xbfconst A: i32 = 1;\r\n")
    assert Source.from_path(path).text.startswith("const")
    with pytest.raises(FileNotFoundError):
        Source.from_path(tmp_path / "none.cps")


def test_positions_count_from_one() -> None:
    source = Source.from_text("a.cps", "ab\ncd\r\n")
    assert [source.position(offset) for offset in (0, 1, 3, 7)] == [(1, 1), (1, 2), (2, 1), (3, 1)]
    assert [source.line_text(line) for line in (1, 2, 3)] == ["ab", "cd", ""]
    assert str(Span(source, 3, 4)) == "a.cps:2:1"
    assert Span(source, 0, 1).to(Span(source, 4, 5)).text == "ab\ncd"


def test_a_thousand_lines_parse_quickly() -> None:
    line = "    let v = clamp(i32(src[x + 1, y - 1]) * 3 + total / 2, 0, 255);\n"
    text = "fn f() {\n" + line * 1000 + "}\n"
    start = time.perf_counter()
    parsed(text)
    assert time.perf_counter() - start < 5.0


TOKEN = st.sampled_from(
    [*KEYWORDS, *SIGNS, *"a x y src dst 0 1 255 1.5 0x1f".split(), '"text"', "///doc\n", "i32"]  # noqa: SIM905
)
BLOCKS = st.lists(TOKEN, max_size=60).map(" ".join)


def never_crashes(text: str) -> None:
    caught: CompileError | None = None
    try:
        check_program(Source.from_text("soup.cps", text))
    except CompileError as error:
        caught = error
    if caught is not None:
        assert caught.diagnostics
        assert caught.render()
        assert all(each.to_json() for each in caught.diagnostics)


@pytest.mark.fuzz
@given(st.text(max_size=200))
def test_any_text_ends_in_a_diagnostic_or_a_program(text: str) -> None:
    try:
        Source.from_text("a.cps", text)
    except SourceError:
        return
    never_crashes(text)


@pytest.mark.fuzz
@given(BLOCKS, BLOCKS)
def test_token_soup_never_crashes(inside: str, outside: str) -> None:
    never_crashes("kernel k(in src: image<u8>) {\n" + inside + "\n}\n" + outside)


@pytest.mark.fuzz
@given(st.sampled_from(PROGRAMS), st.data())
def test_mutated_programs_never_crash(path: Path, data: st.DataObject) -> None:
    text = path.read_text()
    diagnostics = Diagnostics()
    tokens, _ = tokenize(Source.from_text("a.cps", text), diagnostics)
    assert tokens is not None
    for _ in range(data.draw(st.integers(1, 3))):
        token = tokens[data.draw(st.integers(0, len(tokens) - 2))]
        other = data.draw(TOKEN) if data.draw(st.booleans()) else ""
        if text[token.start : token.end] == token.text:
            spaces = max(0, len(token.text) - len(other))
            text = text[: token.start] + other + " " * spaces + text[token.end :]
    never_crashes(text)
