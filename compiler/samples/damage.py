"""Programs with a few tokens changed."""

from __future__ import annotations

import re

from hypothesis import strategies as st

TOKEN = re.compile(
    r"\s+|//[^\n]*|\"[^\"\n]*\"|[A-Za-z_]\w*|\d[\w.]*|[-+*/%&|^<>=!.]=?|.", re.DOTALL
)
WORDS = (  # noqa: SIM905
    "kernel fn map scan for in by if else let var return break record const param require sum "
    "argmin src x y d i32 u8 f64 image rows ( ) [ ] { } , ; : . .. ..= -> += = + - * / << && "
    '0 1 255 -1 2147483648 1.5 inf "text"'
).split()
EDITS = ("drop", "double", "swap", "replace", "insert")


def damaged(text: str) -> st.SearchStrategy[str]:
    """The text with one to four tokens dropped, doubled, exchanged with the next, or replaced."""
    tokens = TOKEN.findall(text)
    edit = st.tuples(
        st.sampled_from(EDITS), st.integers(0, max(0, len(tokens) - 1)), st.sampled_from(WORDS)
    )
    return st.lists(edit, min_size=1, max_size=4).map(lambda edits: _edited(list(tokens), edits))


def _edited(tokens: list[str], edits: list[tuple[str, int, str]]) -> str:
    for kind, place, word in edits:
        if not tokens:
            break
        at = place % len(tokens)
        if kind == "drop":
            del tokens[at]
        elif kind == "double":
            tokens.insert(at, tokens[at])
        elif kind == "swap":
            other = (at + 1) % len(tokens)
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif kind == "replace":
            tokens[at] = word
        else:
            tokens.insert(at, f" {word} ")
    return "".join(tokens)
