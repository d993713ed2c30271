"""The formatter: one way to lay out `.cps` source, whatever it looked like before.

    format_source(source) -> text        format_text(text) -> text        raise CompileError

    text ─leaves─▶ tokens with their comments ─tree─▶ what the grammar makes of them ─layout─▶
    a document of groups that may break ─render─▶ lines of 100 columns ─align─▶ text

Tokens stay as they were written, but for commas before closing brackets; comments stay where they
were. Formatting twice changes nothing more.
"""

from __future__ import annotations

from compiler.fmt.align import text_of
from compiler.fmt.layout import file_lines
from compiler.fmt.leaves import leaves_of, same_program
from compiler.fmt.tree import tree_of
from compiler.source import Source
from vm.errors import Crash


def format_text(text: str, name: str = "<text>") -> str:
    """The text, formatted. Raises `CompileError` if it does not parse, and `SourceError`."""
    return format_source(Source.from_text(name, text))


def format_source(source: Source) -> str:
    """The source's text, formatted. Raises `CompileError` if it does not parse."""
    tokens, tree = tree_of(source)
    formatted = text_of(file_lines(tree))
    if not same_program(tokens, leaves_of(formatted)):
        raise Crash(f"formatting {source.name} would change more than its layout")
    return formatted
