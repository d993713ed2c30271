"""cpsc check: look for errors, compile nothing."""

from __future__ import annotations

import click

from cpushare.cpsc import output
from cpushare.cpsc.files import SOURCE
from cpushare.cpsc.programs import show_warnings


@click.command(help="Look for errors in .cps files; writes nothing.")
@click.argument("files", nargs=-1, required=True, type=SOURCE, metavar="FILE.cps…")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a diagnostic.")
def command(files: tuple[str, ...], as_json: bool) -> int:
    """Check every file; 1 if any has an error."""
    from compiler.diagnostics import CompileError
    from compiler.pipeline import warnings_of
    from compiler.source import Source

    failed = False
    for file in files:
        try:
            found = warnings_of(Source.from_path(file))
        except CompileError as error:
            failed, found = True, error.diagnostics
            if not as_json:
                output.note(error.render(output.wants_colour()))
                continue
        if as_json:
            for diagnostic in found:
                output.result_json(diagnostic.to_json())
        else:
            show_warnings(found)
    return int(failed)
