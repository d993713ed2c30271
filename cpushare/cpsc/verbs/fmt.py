"""cpsc fmt: lay out .cps files in the one way there is."""

from __future__ import annotations

import difflib
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cpushare.cpsc import output
from cpushare.cpsc.files import SOURCE
from cpushare.cpsc.programs import source_files

if TYPE_CHECKING:
    from compiler.source import Source


@click.command(
    help="Format .cps files in place, or all in a folder (default: this one); - formats standard "
    "input to standard output."
)
@click.argument("paths", nargs=-1, type=SOURCE, metavar="[FILE.cps|DIR|-]…")
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
def command(paths: tuple[str, ...], check: bool, diff: bool) -> int:
    """Format every file; 1 if one has errors, or would change under --check."""
    from compiler.diagnostics import CompileError
    from compiler.fmt import format_source
    from compiler.source import Source, SourceError

    failed = changed = 0
    for path in [None] if paths == ("-",) else source_files(paths or (".",)):
        try:
            source = Source.from_path(path) if path else Source.from_text("<stdin>", _stdin())
            formatted = format_source(source)
        except (CompileError, SourceError) as error:
            failed += 1
            colour = output.wants_colour()
            output.note(error.render(colour) if isinstance(error, CompileError) else str(error))
            continue
        is_new = hashlib.sha256(formatted.encode()).hexdigest() != source.sha256
        changed += is_new
        if diff:
            sys.stdout.write(difference(source, formatted))
        elif not check:
            _write(path, formatted, is_new)
        if is_new and check:
            output.note(f"would change {source.name}")
    return int(failed > 0 or (check and changed > 0))


def _stdin() -> str:
    return sys.stdin.read()


def _write(path: Path | None, formatted: str, is_new: bool) -> None:
    """Write to the file, if it changes, or to standard output."""
    from cpushare.files import whole_file

    if path is None:
        sys.stdout.write(formatted)
    elif is_new:
        with whole_file(path.resolve()) as file:
            file.write(formatted.encode())
        output.note(f"formatted {path}")


def difference(source: Source, formatted: str) -> str:
    """What formatting changes, as a unified diff."""
    before, after = (text.splitlines(keepends=True) for text in (source.text, formatted))
    lines = difflib.unified_diff(before, after, source.name, f"{source.name} (formatted)")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
