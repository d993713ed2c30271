"""cpsc cache: the compiled kernels kept on disk."""

from __future__ import annotations

import click

from cpushare.config import object_cache
from cpushare.cpsc import output


@click.command(help="Show (info) or empty (clear) the cache of compiled kernels.")
@click.argument("what", type=click.Choice(["info", "clear"]), default="info")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(what: str, as_json: bool) -> None:
    """Show or clear."""
    cache = object_cache()
    found = cache.clear() if what == "clear" else cache.info()
    if as_json:
        fields = {"folder": str(found.folder), "entries": found.entries, "bytes": found.size_bytes}
        output.result_json(fields)
        return
    verb = "cleared: " if what == "clear" else ""
    output.result(f"{verb}{found.entries} kernels, {found.size_bytes:,} bytes in {found.folder}")
