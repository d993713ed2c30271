"""cpsc cache: what is kept on disk."""

from __future__ import annotations

import click

from cpushare.config import kept
from cpushare.cpsc import output


@click.command(
    help="Show (info) or empty (clear) what is kept: kernels, results, notes of batches."
)
@click.argument("what", type=click.Choice(["info", "clear"]), default="info")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each.")
def command(what: str, as_json: bool) -> None:
    """Show or clear."""
    for name, store in kept().items():
        found = store.clear() if what == "clear" else store.info()
        if as_json:
            fields: dict[str, object] = {
                "kept": name,
                "folder": str(found.folder),
                "entries": found.entries,
                "bytes": found.size_bytes,
            }
            output.result_json(fields)
            continue
        verb = "cleared: " if what == "clear" else ""
        output.result(f"{verb}{found.entries} {name}, {found.size_bytes:,} bytes in {found.folder}")
