"""cpushare exchange backup: a whole exchange, put away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from cpushare.cpsc import output
from cpushare.exchange import copies

HELP = """Copy an exchange into the new folder TARGET: rows, blobs, keys, configuration.

The exchange may go on meanwhile; the rows are those of one moment. Blobs never change, so those on
the same disk are linked. 'cpushare exchange restore TARGET FOLDER' makes an exchange of it again.
"""


@click.command(help=HELP)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--with-operator", is_flag=True, help="The operator's secret key too: it makes coins."
)
def command(folder: Path, target: Path, with_operator: bool) -> int:
    """Copy, report."""
    has_blobs = asyncio.run(copies.backup(folder, target, with_operator=with_operator))
    output.result(f"The exchange is in {target}; whoever can read it can speak as the exchange.")
    if not has_blobs:
        output.note("Its blobs lie in a bucket, and were not copied.")
    return 0
