"""cpushare exchange audit: whether the books are right."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from cpushare.cpsc import output
from cpushare.exchange import books
from cpushare.exchange.config import read_config
from cpushare.exchange.sql import open_store

HELP = """Compute the books of an exchange anew from every transfer.

All accounts together have zero, nobody has less than nothing, and whatever was paid was earned.
The exchange may go on while this reads. Ends with 1 if anything is wrong.
"""


@click.command(help=HELP)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(folder: Path, as_json: bool) -> int:
    """Read, compute, report: 0 if the books are right."""
    found = asyncio.run(_audit(folder))
    if as_json:
        output.result_json({"right": not found, "wrong": list(found)})
    elif found:
        for sentence in found:
            output.result(sentence)
    else:
        output.result("The books are right: all accounts together have 0.")
    return 1 if found else 0


async def _audit(folder: Path) -> list[str]:
    store = await open_store(read_config(folder).database)
    try:
        return await books.audit(store)
    finally:
        await store.close()
