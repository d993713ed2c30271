"""cpushare exchange mint: coins, by the operator's word."""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path

import click

from cpushare.cpsc import output
from cpushare.exchange.commands import folder as place
from cpushare.exchange.config import read_config
from cpushare.exchange.jobs import JobDesk
from cpushare.market.coins import read_coins, show_coins
from cpushare.market.errors import BadMessage
from cpushare.market.keys import KeyPair, read_key
from cpushare.market.messages import Mint
from cpushare.market.mint import sign_mint

HELP = """Make COINS for ACCOUNT.

The operator's key signs a document that says so; it is kept, and anybody may list all of them at
/api/mints. CPUCoins are units of account between the users of this exchange, and no money.
"""


@click.command(help=HELP)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("account")
@click.argument("coins")
@click.option("--reason", required=True, help="Why: everybody can read it.")
@click.option(
    "--operator",
    type=click.Path(path_type=Path),
    help="The operator's key file, if it is not in the folder.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    folder: Path, account: str, coins: str, reason: str, operator: Path | None, as_json: bool
) -> int:
    """Sign, enter, report."""
    read_key(account)
    amount = read_coins(coins)
    if not amount or len(reason) > 200:
        raise BadMessage("an amount above 0, and a reason of 200 characters at most")
    pair = KeyPair.load(operator or folder / place.OPERATOR)
    mint = Mint(account, amount, reason, time.time(), secrets.token_hex(16))
    asyncio.run(_enter(folder, mint, sign_mint(mint, pair)))
    if as_json:
        output.result_json({"account": account, "amount": amount, "reason": reason})
    else:
        output.result(f"{show_coins(amount)} coins for {account}: {reason}")
    return 0


async def _enter(folder: Path, mint: Mint, signature: bytes) -> None:
    world = await place.open_world(folder, read_config(folder))
    try:
        await JobDesk(world).mint(mint, signature, place.operator_key(folder))
    finally:
        await world.store.close()
