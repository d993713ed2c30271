"""A Pygments lexer for `.cps`, from the words and signs of the compiler's own tables.

Pygments finds it by its entry point: `pygmentize -l cps dither.cps`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

from compiler.check.builtins import BUILTINS
from compiler.check.images import VIEWS
from compiler.check.names import SPECIAL
from compiler.tokens import KEYWORDS, SIGNS
from vm.types import ScalarType

DECLARING = ("kernel", "fn", "record", "const")
COMPOUND = ("image", "rows")
PUNCTUATION = frozenset("()[]{},;:.")
TYPES = [str(scalar) for scalar in ScalarType]
CONVERTING = [f"{how}_{name}" for how in ("sat", "wrap", "bits") for name in TYPES]


def _words(texts: Any, token: Any) -> tuple[Any, Any]:
    return words(sorted(texts), prefix=r"\b", suffix=r"\b"), token


class CpsLexer(RegexLexer):  # type: ignore[misc]
    """Colours `.cps` source."""

    name = "CPUShare"
    aliases: ClassVar = ["cps"]
    filenames: ClassVar = ["*.cps"]
    mimetypes: ClassVar = ["text/x-cps"]

    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (r"\s+", Whitespace),
            (r"//[/!].*", Comment.Special),
            (r"//.*", Comment.Single),
            (r'"(?:\\.|[^"\\\n])*"', String),
            (rf"\b({'|'.join(DECLARING)})(\s+)(\w+)", bygroups(Keyword, Whitespace, Name.Function)),
            (rf"(\.)({'|'.join(VIEWS)})\b", bygroups(Punctuation, Name.Attribute)),
            _words(SPECIAL, Keyword.Constant),
            _words(("true", "false"), Keyword.Constant),
            _words(KEYWORDS, Keyword),
            _words((*TYPES, *COMPOUND), Keyword.Type),
            _words((*BUILTINS, *CONVERTING, "embed"), Name.Builtin),
            (r"0[xX][0-9a-fA-F_]+|0[bB][01_]+", Number.Integer),
            (r"\d[\d_]*(\.\d[\d_]*)?([eE][+-]?\d[\d_]*)?(f32|f64)?", Number),
            (r"[A-Za-z_]\w*", Name),
            (words(sorted({*SIGNS} - PUNCTUATION, key=len, reverse=True)), Operator),
            (words(sorted(PUNCTUATION)), Punctuation),
        ]
    }
