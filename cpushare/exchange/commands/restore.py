"""cpushare exchange restore: an exchange from a backup."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from cpushare.cpsc import output
from cpushare.exchange import copies

HELP = """Make the exchange FOLDER, which must not be there yet, from BACKUP.

Only one of two exchanges with the same keys may run: what is paid by one is not known to the other.
"""


@click.command(help=HELP)
@click.argument("backup", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--database", default="", help="A new, empty database, if not SQLite in FOLDER.")
def command(backup: Path, folder: Path, database: str) -> int:
    """Copy back, report."""
    config = asyncio.run(copies.restore(backup, folder, database))
    output.result(f"The exchange {config.address} is in {folder}. Next:")
    output.result(f"  cpushare exchange audit {folder}\n  cpushare exchange serve {folder}")
    return 0
