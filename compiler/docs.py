"""Documentation from `///` and `//!` comments, as Markdown.

page(source, title) -> text         standard_modules() -> sources of the standard library
python -m compiler.docs [--check] [docs/stdlib.md]        its page
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.resources import files
from pathlib import Path

from compiler import syntax
from compiler.diagnostics import Diagnostics
from compiler.parse import parse
from compiler.source import Source

PAGE = Path("docs/stdlib.md")
INTRODUCTION = """\
# The standard library

<!-- Made by `python -m compiler.docs docs/stdlib.md` from stdlib/std/: change that, not this. -->

`use std.math { exp, pow };` at the top of a file takes names from a module. `cpsc doc std.math`
shows these pages in the terminal. Errors are in units in the last place (ulp) of the exact result,
and were measured against mpmath; every function gives the same bits on every machine.
"""
Documented = syntax.ConstItem | syntax.RecordItem | syntax.FunctionItem | syntax.KernelItem


def standard_modules() -> list[Source]:
    """The modules of the standard library by name, `std.color` first."""
    folder = files("stdlib").joinpath("std")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".cps"))
    return [
        Source.from_text(
            f"std.{name.removesuffix('.cps')}", folder.joinpath(name).read_text(encoding="utf-8")
        )
        for name in names
    ]


@cache
def standard_names() -> dict[str, str]:
    """Which module of the standard library has a name."""
    return {
        item.name.text: module.name
        for module in standard_modules()
        for item in documented(parsed(module))
    }


def parsed(source: Source) -> syntax.File:
    """The file as parsed. Raises `CompileError`."""
    diagnostics = Diagnostics()
    file = parse(source, diagnostics)
    diagnostics.check()
    return file


def documented(file: syntax.File) -> list[Documented]:
    """The items that have documentation: those are for others to use."""
    return [item for item in file.items if isinstance(item, Documented) and item.doc]


def page(source: Source, title: str, level: int = 1) -> str:
    """A file's documentation. Raises `CompileError`."""
    file = parsed(source)
    parts = [f"{'#' * level} {title}", *([file.doc.strip()] if file.doc else [])]
    for item in documented(file):
        parts.append(f"{'#' * (level + 1)} `{item.name.text}`")
        parts.append(f"```cps signature\n{signature(item)}\n```")
        parts.append(item.doc.strip())
    return "\n\n".join(parts) + "\n"


def signature(item: Documented) -> str:
    """What stands before an item's body; a constant without its value, a record whole."""
    text, start = item.span.source.text, item.span.start
    if isinstance(item, syntax.RecordItem):
        return item.span.text
    end = item.value.span.start if isinstance(item, syntax.ConstItem) else item.body.span.start
    return text[start:end].rstrip(" \n={")


def standard_page() -> str:
    """The page of the standard library."""
    return "\n".join([INTRODUCTION, *(page(each, each.name, 2) for each in standard_modules())])


def main(arguments: list[str]) -> int:
    """Print the page, write it to the file that is named, or `--check` that file; the exit code."""
    check = "--check" in arguments
    named = [argument for argument in arguments if argument != "--check"]
    path = Path(named[0]) if named else PAGE
    if check:
        if path.read_text(encoding="utf-8") == standard_page():
            return 0
        sys.stderr.write(f"{path} is stale: run python -m compiler.docs {path}\n")
        return 1
    if named:
        path.write_text(standard_page(), encoding="utf-8")
    else:
        sys.stdout.write(standard_page())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
