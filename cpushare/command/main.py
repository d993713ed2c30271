"""The entry of `cpushare`: verbs of sellers, buyers and exchanges."""

from __future__ import annotations

import sys

import click

from cpushare._version import __version__
from cpushare.cpsc.lazy import LazyGroup, run_command

VERBS = {
    "account": ("cpushare.buyer.verbs.account", "Make accounts, and see what they have."),
    "order": ("cpushare.buyer.verbs.order", "Make and explain sell orders, .cpu files."),
    "submit": ("cpushare.buyer.verbs.submit", "Have a study computed by the market."),
    "status": ("cpushare.buyer.verbs.status", "Show how far jobs are."),
    "results": (
        "cpushare.buyer.verbs.results",
        "Fetch a job's images and records, and check some.",
    ),
    "verify": ("cpushare.buyer.verbs.verify", "Compute a result here: are the bits equal?"),
    "cancel": ("cpushare.buyer.verbs.cancel", "Begin nothing more of a job."),
    "accept": ("cpushare.buyer.verbs.accept", "Be content with a job that you check yourself."),
    "exchange": (
        "cpushare.exchange.commands.main",
        "Run an exchange, where sellers and buyers meet.",
    ),
    "sell": ("cpushare.seller.verbs.sell", "Lend idle processors to checked programs."),
    "purge": ("cpushare.seller.verbs.purge", "Remove a seller's keys, results and caches."),
    "doctor": ("cpushare.cpsc.verbs.doctor", "Show how this machine confines strangers' code."),
}
EXAMPLES = """
\b
Examples:
  cpushare account new                          a key of your own, without a name
  cpushare order new --credit ACCOUNT --min-price 1000 > mine.cpu
  cpushare sell mine.cpu                        earn CPUCoins; Ctrl-C hands the work back
  cpushare submit dither.cps pictures/ --price 1000 --budget 5
"""


class Verbs(LazyGroup):
    """The verbs of `cpushare`."""

    modules = {verb: module for verb, (module, _) in VERBS.items()}
    lines = {verb: line for verb, (_, line) in VERBS.items()}


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Sell idle processors, buy a study, trust the result.",
    epilog=EXAMPLES,
)
@click.version_option(__version__, message="cpushare %(version)s")
def cpushare() -> None:
    """The root of all verbs."""


def main() -> None:
    """What the `cpushare` script calls."""
    sys.exit(run_command(cpushare, "cpushare", None))


if __name__ == "__main__":
    main()
