"""From text to tokens: names, numbers, strings, signs; comments dropped, documentation attached."""

from __future__ import annotations

import re

from msgspec import Struct

from compiler.diagnostics import Diagnostics
from compiler.source import Source, Span
from vm.limits import DOC_CHARS, NAME_CHARS

TOKENS = 200_000
"""The most tokens a file may have."""

BRACKETS = 64
"""How deep brackets may nest."""

_HARD = "const fn in let var for if else return break continue true false"
_SOFT = "use record kernel test out param step map scan by"
SOFT_KEYWORDS = frozenset(_SOFT.split())
"""Keywords that are names where the grammar has no use for the keyword."""
KEYWORDS = SOFT_KEYWORDS | frozenset(_HARD.split())

_LONG = "<<= >>= ..= == != <= >= && || << >> += -= *= /= %= &= |= ^= -> .."
SIGNS = (*_LONG.split(), *"+-*/%&|^!~<>=()[]{},;:.")
CLOSING = {"(": ")", "[": "]", "{": "}"}

PATTERN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<module_doc>//![^\n]*)"
    r"|(?P<doc>///(?!/)[^\n]*)"
    r"|(?P<comment>//[^\n]*)"
    r"|(?P<number>0[xXbB]\w*|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d[\d_]*)?\w*)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r'|(?P<string>"(?:\\.|[^"\\\n])*")'
    r"|(?P<sign>" + "|".join(re.escape(sign) for sign in SIGNS) + ")"
)
INTEGER = re.compile(r"0x[0-9a-fA-F_]*[0-9a-fA-F]_*|0b[01_]*[01]_*|\d[\d_]*")
FLOAT = re.compile(
    r"(\d[\d_]*\.\d[\d_]*(?:[eE][+-]?\d[\d_]*)?|\d[\d_]*[eE][+-]?\d[\d_]*)(f32|f64)?"
)


class Token(Struct):
    """A token: its terminal in the grammar, its text, where it is, the `///` lines before it.

    `depth` is the number of braces it stands in.
    """

    kind: str
    text: str
    start: int
    end: int
    doc: str = ""
    depth: int = 0


def tokenize(source: Source, diagnostics: Diagnostics) -> tuple[list[Token] | None, str]:
    """All tokens of a file, closed by one of kind `$END`, and the file's documentation.

    None where brackets or characters are wrong, so that parsing would only find the same again.
    """
    lexer = _Lexer(source, diagnostics)
    lexer.run()
    return None if lexer.broken else lexer.tokens, "\n".join(lexer.module_doc)


class _Lexer:
    def __init__(self, source: Source, diagnostics: Diagnostics) -> None:
        self.source = source
        self.diagnostics = diagnostics
        self.tokens: list[Token] = []
        self.module_doc: list[str] = []
        self.doc: list[str] = []
        self.open: list[Token] = []
        self.braces = 0
        self.position = 0
        self.broken = False
        self.suspicious: tuple[Token, Token] | None = None

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def run(self) -> None:
        text = self.source.text
        match_at = PATTERN.match
        while self.position < len(text):
            start = self.position
            match = match_at(text, start)
            if match is None:
                self.unexpected(start)
                continue
            self.position = match.end()
            kind = match.lastgroup
            if kind == "sign":
                self.sign(match.group(), start)
            elif kind == "name":
                self.name(match.group(), start)
            elif kind == "number":
                self.number(match.group(), start)
            elif kind == "string":
                self.add("STRING", match.group(), start)
            elif kind == "doc":
                self.doc.append(match.group()[3:].strip())
            elif kind == "module_doc":
                self.module_doc.append(match.group()[3:].strip())
            if len(self.tokens) > TOKENS:
                self.diagnostics.fatal("CPS0107", self.span(start, self.position), "from here on")
        self.add("$END", "", len(text))
        if self.open and not self.broken:
            self.unclosed(self.open[-1])

    def unclosed(self, opening: Token) -> None:
        """Report a bracket without its counterpart; indentation tells which one it is."""
        also: tuple[tuple[Span, str], ...] = ()
        if opening.text == "{" and self.suspicious is not None:
            opening, closing = self.suspicious
            where = self.span(closing.start, closing.end)
            also = ((where, "this '}' closes it, but stands where an outer one would"),)
        self.broken = True
        self.diagnostics.error(
            "CPS0106",
            self.span(opening.start, opening.end),
            "never closed",
            f"this '{opening.text}' has no '{CLOSING[opening.text]}'",
            also=also,
        )

    def indentation(self, start: int, alone: bool) -> int:
        """The indentation of a line; -1 if a token that should begin the line does not."""
        line_start = self.source.text.rfind("\n", 0, start) + 1
        before = self.source.text[line_start:start]
        if alone and before.strip():
            return -1
        return len(before) - len(before.lstrip())

    def add(self, kind: str, text: str, start: int) -> Token:
        doc = "\n".join(self.doc)[:DOC_CHARS] if self.doc else ""
        self.doc.clear()
        token = Token(kind, text, start, start + len(text), doc, self.braces)
        self.tokens.append(token)
        return token

    def name(self, text: str, start: int) -> None:
        if len(text) > NAME_CHARS:
            self.diagnostics.error(
                "CPS0108", self.span(start, self.position), f"{len(text)} characters"
            )
            text = text[:NAME_CHARS]
        self.add(text if text in KEYWORDS else "NAME", text, start)
        self.tokens[-1].end = self.position

    def number(self, text: str, start: int) -> None:
        if INTEGER.fullmatch(text):
            kind = "INT"
        elif FLOAT.fullmatch(text):
            kind = "FLOAT"
        else:
            kind = "INT"
            self.bad_number(text, start)
            text = "0"
        self.add(kind, text, start)
        self.tokens[-1].end = self.position

    def bad_number(self, text: str, start: int) -> None:
        match = re.match(r"(\d[\d_]*(?:\.\d+)?)([iuf]\d+)$", text)
        help_ = f"write {match[2]}({match[1]})" if match else None
        self.diagnostics.error(
            "CPS0103", self.span(start, self.position), "not a number", help=help_
        )

    def sign(self, text: str, start: int) -> None:
        if text == "/" and self.source.text.startswith("/*", start):
            self.comment(start)
            return
        if text in CLOSING:
            self.add(text, text, start)
            self.open.append(self.tokens[-1])
            self.braces += text == "{"
            if len(self.open) > BRACKETS:
                self.diagnostics.fatal(
                    "CPS0105", self.span(start, start + 1), f"more than {BRACKETS} brackets deep"
                )
            return
        if text in (")", "]", "}"):
            self.close(text, start)
        self.add(text, text, start)

    def close(self, text: str, start: int) -> None:
        if self.open and CLOSING[self.open[-1].text] == text:
            opening = self.open.pop()
            if text == "}":
                self.braces -= 1
                indent = self.indentation(start, alone=True)
                if self.suspicious is None and 0 <= indent < self.indentation(opening.start, False):
                    self.suspicious = opening, Token(text, text, start, start + 1)
            return
        if self.broken:
            return
        self.broken = True
        span = self.span(start, start + 1)
        if not self.open:
            self.diagnostics.error(
                "CPS0106", span, "nothing to close", f"this '{text}' closes nothing"
            )
            return
        opening = self.open.pop()
        self.braces -= opening.text == "{"
        self.diagnostics.error(
            "CPS0106",
            span,
            f"expected '{CLOSING[opening.text]}'",
            f"this '{text}' does not close the '{opening.text}' that is open",
            also=((self.span(opening.start, opening.end), "opened here"),),
        )

    def comment(self, start: int) -> None:
        """Report a comment in the manner of C, and skip it."""
        end = self.source.text.find("*/", start)
        self.position = end + 2 if end >= 0 else len(self.source.text)
        self.diagnostics.error(
            "CPS0101",
            self.span(start, start + 2),
            "not a comment",
            help="comments begin with '//' and end with the line",
        )

    def unexpected(self, start: int) -> None:
        text = self.source.text
        self.broken = True
        if text[start] == '"':
            end = text.find("\n", start)
            self.position = end if end >= 0 else len(text)
            self.diagnostics.error("CPS0102", self.span(start, self.position), "never closed")
            self.add("STRING", '""', start)
            self.tokens[-1].end = self.position
            return
        end = start + 1
        while end < len(text) and end < start + 64 and not PATTERN.match(text, end):
            end += 1
        self.position = end
        self.diagnostics.error("CPS0101", self.span(start, end), "not part of the language")
