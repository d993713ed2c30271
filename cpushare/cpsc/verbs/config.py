"""cpsc config: settings and where they come from."""

from __future__ import annotations

import click

from cpushare import config
from cpushare.cpsc import output


@click.command(help="Show every setting, its value, and where the value comes from.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a setting.")
def command(as_json: bool) -> None:
    """List the settings."""
    if not as_json:
        output.note(f"file: {config.config_path()}")
    for name, found in config.read_config().items():
        if as_json:
            output.result_json({"name": name, "value": found.value, "origin": found.origin})
        else:
            output.result(f"{name} = {found.value!r}  ({found.origin}; {found.setting.meaning})")
