"""An unexpected token, in people's words: what was expected, and what was probably meant."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.diagnostics import Diagnostics
from compiler.source import Source, Span
from compiler.tokens import KEYWORDS, SIGNS, Token

FOREIGN_WORDS = {
    "while": "loops are bounded: use 'for i in a..b { … }'",
    "loop": "loops are bounded: use 'for i in a..b { … }'",
    "struct": "the word is 'record'",
    "def": "the word is 'fn'",
    "func": "the word is 'fn'",
    "function": "the word is 'fn'",
    "import": "write 'use std.math { exp };'",
    "from": "write 'use std.math { exp };'",
    "include": "write 'use \"file.cps\" { name };'",
    "mut": "write 'var' instead of 'let mut'",
    "elif": "write 'else if'",
    "elsif": "write 'else if'",
    "int": "the type is 'i32', written behind the name: 'let n: i32 = 1;'",
    "float": "the type is 'f32', written behind the name: 'let v: f32 = 1.0;'",
    "double": "the type is 'f64', written behind the name: 'let v: f64 = 1.0;'",
    "auto": "write 'let'",
    "switch": "use a chain of 'if … else if … else …'",
    "match": "use a chain of 'if … else if … else …'",
}
WORDS_FOR = {"NAME": "a name", "INT": "a whole number", "FLOAT": "a number", "STRING": "a text"}
EXPRESSION = frozenset({"NAME", "INT", "FLOAT", "(", "["})
STATEMENT = frozenset({"let", "var", "for", "map", "scan", "if"})
ITEM = frozenset({"use", "const", "fn", "kernel", "test"})
OPERATORS = frozenset(SIGNS) - frozenset("()[]{},;:!~")


def explain_unexpected(
    source: Source,
    diagnostics: Diagnostics,
    tokens: Sequence[Token],
    index: int,
    kinds: Sequence[str],
) -> None:
    """Report `tokens[index]`, which stands where only tokens of `kinds` may."""
    token = tokens[index]
    previous = tokens[index - 1] if index else None
    for word in tokens[index : max(0, index - 3) : -1]:
        if word.kind == "NAME" and word.text in FOREIGN_WORDS:
            span = Span(source, word.start, word.end)
            message = f"'{word.text}' is not a word of the language"
            diagnostics.error("CPS0104", span, "unknown", message, help=FOREIGN_WORDS[word.text])
            return
    help_ = _hint(tokens, index, kinds)
    broken = previous is not None and "\n" in source.text[previous.end : token.start]
    if previous is not None and ";" in kinds and (broken or token.kind == "}"):
        end = Span(source, previous.end, previous.end + 1)
        diagnostics.error(
            "CPS0104", end, "expected ';' here", "a statement ends with ';'", help=help_
        )
        return
    span = Span(source, token.start, token.end)
    message = f"{_found(token)} is not expected here"
    diagnostics.error("CPS0104", span, f"expected {words_for(kinds)}", message, help=help_)


def words_for(kinds: Sequence[str]) -> str:
    """`';' or a name`: what may come, shortest form first."""
    left = set(kinds)
    words: list[str] = []
    if left >= ITEM:
        words.append("an item: 'kernel', 'fn', 'const', 'use', 'record' or 'test'")
        left -= ITEM | {"record"}
    if left >= STATEMENT:
        words.append("a statement")
        left -= STATEMENT | {"NAME", "return", "break", "continue"} | EXPRESSION
        left -= {"STRING", "true", "false"}
    elif left >= EXPRESSION:
        words.append("an expression")
        left -= EXPRESSION | {"STRING", "true", "false", "-", "!", "~", "if"}
    if len(left & OPERATORS) > 4:
        left -= OPERATORS | {"(", "["}
        words.append("an operator")
    words += [WORDS_FOR.get(kind) or _quoted(kind) for kind in sorted(left)]
    if "an operator" in words:
        words.remove("an operator")
        words.append("an operator")
    if len(words) > 6:
        words = [*words[:5], "…"]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _quoted(kind: str) -> str:
    return "the end of the file" if kind == "$END" else f"'{kind}'"


def _found(token: Token) -> str:
    if token.kind == "$END":
        return "the end of the file"
    if token.kind == "STRING":
        return "a text"
    shown = token.text if len(token.text) <= 40 else token.text[:37] + "…"
    return f"'{shown}'"


def _hint(tokens: Sequence[Token], index: int, kinds: Sequence[str]) -> str | None:
    """What was probably meant, if it can be told."""
    token = tokens[index]
    previous = tokens[index - 1] if index else token
    following = tokens[min(index + 1, len(tokens) - 1)]
    for pair in (previous.text + token.text, token.text + following.text):
        if pair in ("++", "--"):
            return f"write '{pair[0]}= 1' instead of '{pair}'"
    if previous.kind == "." and token.kind == "INT":
        return "elements are chosen with brackets: 'v[0]'"
    if token.kind in ("==", "!=", "<", ">", "<=", ">=") and "&&" in kinds:
        return "comparisons do not chain: join two with '&&'"
    if token.kind == "=" and "==" in kinds:
        return "to compare, write '=='"
    if token.kind in KEYWORDS and "NAME" in kinds:
        return f"'{token.text}' is a word of the language and cannot be a name"
    return None
