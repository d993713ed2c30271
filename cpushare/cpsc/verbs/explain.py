"""cpsc explain: what an error code means."""

from __future__ import annotations

import click

from cpushare.cpsc import output
from cpushare.cpsc.files import Words
from vm.errors import Refused


def _codes() -> list[str]:
    from compiler.catalogue import CATALOGUE

    return sorted(CATALOGUE)


@click.command(help="Explain an error code such as CPS0231, with a wrong and a right program.")
@click.argument("code", type=Words(_codes), metavar="CODE")
def command(code: str) -> None:
    """Print the catalogue's entry."""
    from compiler.catalogue import CATALOGUE, explain

    text = explain(code)
    if text is None:
        import difflib

        near = difflib.get_close_matches(code.upper(), CATALOGUE, 1)
        raise Refused(
            f"there is no error code '{code}'" + (f"; did you mean {near[0]}?" if near else "")
        )
    output.result(text.rstrip("\n"))
