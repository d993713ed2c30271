"""cpsc lsp: the language server."""

from __future__ import annotations

import click

from vm.errors import Refused


@click.command(help="Serve an editor by the Language Server Protocol, on standard input.")
def command() -> None:
    """Serve until the editor hangs up."""
    try:
        from cpushare.lsp import server
    except ImportError:
        raise Refused("the language server needs pygls: pip install 'cpushare[lsp]'") from None
    server.start_io()
