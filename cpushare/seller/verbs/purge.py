"""cpushare purge: remove all that a seller has left on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from cpushare.cpsc import output


@click.command(help="Remove a seller's worker keys, unsent results and compiled kernels.")
@click.option("--state", "folder", type=click.Path(path_type=Path), help="Keys and spools.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(folder: Path | None, yes: bool) -> int:
    """Ask, remove, and say what was removed."""
    from cpushare.config import object_cache
    from cpushare.seller.state import State, default_state

    state = State(folder or default_state())
    cache = object_cache()
    kept = cache.info()
    output.note(f"{state.folder}: worker keys and unsent results")
    output.note(f"{kept.folder}: {kept.entries} compiled kernels")
    unsent = state.unsent()
    if unsent:
        output.note(f"{unsent} batches of results were not sent yet: they would not be paid")
    if not yes:
        click.confirm("Remove all of this?", abort=True, err=True)
    for line in state.purge():
        output.result(f"removed {line}")
    cleared = cache.clear()
    output.result(f"removed {cleared.entries} compiled kernels: {cleared.folder}")
    return 0
