"""cpushare exchange: the verbs of whoever runs one."""

from __future__ import annotations

import click

from cpushare.cpsc.lazy import LazyGroup

VERBS = {
    "init": "Make the folder of a new exchange: keys, certificate, database, configuration.",
    "serve": "Serve sellers and buyers until Ctrl-C or SIGTERM.",
    "mint": "Make coins for an account, by the operator's signature.",
    "backup": "Copy all of it, while it runs, into a new folder.",
    "restore": "Make an exchange from a backup.",
    "audit": "Compute the books anew, and say what is wrong with them.",
}
EXAMPLES = """
\b
Examples:
  cpushare exchange init here --address https://exchange.example:8443
  cpushare exchange serve here
  cpushare exchange mint here ACCOUNT 100 --reason "for the first study"
"""


class Verbs(LazyGroup):
    """The verbs of `cpushare exchange`."""

    modules = {verb: f"cpushare.exchange.commands.{verb}" for verb in VERBS}
    lines = VERBS


@click.command(cls=Verbs, help="Run an exchange: a market of processors.", epilog=EXAMPLES)
def command() -> None:
    """The root of the exchange's verbs."""
