"""cpsc doc: the documentation of a file or of the standard library."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cpushare.cpsc import output
from cpushare.cpsc.files import Words
from vm.errors import Refused


def _words() -> list[str]:
    from compiler.docs import standard_modules

    return [module.name for module in standard_modules()] + [str(p) for p in Path().glob("*.cps")]


@click.command(
    help="Show the documentation of a .cps file, of a module like std.math, or (without any) which "
    "modules there are. It is Markdown, made of /// and //! comments."
)
@click.argument("what", required=False, type=Words(_words), metavar="[FILE.cps|std.MODULE]")
def command(what: str | None) -> None:
    """Print one page, or the list of modules."""
    from compiler.docs import page, parsed, standard_modules
    from compiler.source import Source

    if what is not None and (what.endswith(".cps") or Path(what).is_file()):
        _show(page(Source.from_path(what), Path(what).name))
        return
    modules = {module.name: module for module in standard_modules()}
    if what is None:
        for name, module in modules.items():
            output.result(f"{name:13} {parsed(module).doc.strip().splitlines()[0]}")
        return
    if what not in modules:
        raise Refused(f"there is no module '{what}' (there is: {', '.join(modules)})")
    _show(page(modules[what], what))


def _show(text: str) -> None:
    """Markdown as it is, but on a terminal as it is meant."""
    if not sys.stdout.isatty():
        output.result(text.rstrip())
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
