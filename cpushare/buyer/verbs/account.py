"""cpushare account: one's own keys, and the coins that are theirs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from cpushare.buyer import accounts
from cpushare.buyer.verbs import ACCOUNT_OPTION, JSON, account_name, connected, market_options
from cpushare.cpsc import output
from cpushare.market.coins import show_coins

UNITS = (
    "CPUCoins are units of account between the users of one exchange. They are not money, and "
    "nobody changes them for any."
)


@click.group(help=f"Make accounts, and see what they have. {UNITS}")
def command() -> None:
    """The root of what is done with accounts."""


@command.command(help="Make an account: a key of your own, without a name or an address.")
@ACCOUNT_OPTION
@JSON
def new(account: str | None, as_json: bool) -> None:
    """Make a key file, mode 0600."""
    name = account_name(account)
    pair = accounts.new_account(name)
    if as_json:
        output.result_json({"name": name, "account": pair.name})
        return
    output.result(pair.name)
    output.note(f"account '{name}' is in {accounts.account_file(name)}, which only you may read")
    output.note("Keep a copy: whoever has this file has its coins, and nobody can replace it.")
    output.note(UNITS)


@command.command(help="Show the accounts of this machine.")
@ACCOUNT_OPTION
@JSON
def show(account: str | None, as_json: bool) -> None:
    """List names and public keys."""
    names = [account] if account else accounts.account_names()
    for name in names:
        pair = accounts.load_account(name)
        if as_json:
            output.result_json({"name": name, "account": pair.name})
        else:
            output.result(f"{name}  {pair.name}")
    if not names:
        output.note("there is none yet: 'cpushare account new' makes one")


@command.command(help=f"Show how many coins an account has. {UNITS}")
@market_options
@JSON
def balance(
    exchange: str | None, certificate: str | None, account: str | None, as_json: bool
) -> None:
    """Ask the exchange."""
    with connected(exchange, certificate, account) as (_, name, client):
        found = client.balance()
    if as_json:
        fields = {"name": name, "account": found.account}
        output.result_json({**fields, "available": found.available, "held": found.held})
        return
    output.result(f"{show_coins(found.available)} coins")
    if found.held:
        output.result(f"{show_coins(found.held)} more are held back until the jobs they are of end")
    output.note(UNITS)


@command.command(help="Show what came and went, newest first.")
@market_options
@click.option("--all", "is_all", is_flag=True, help="All of it, not only the last lines.")
@JSON
def history(
    exchange: str | None,
    certificate: str | None,
    account: str | None,
    is_all: bool,
    as_json: bool,
) -> None:
    """Ask the exchange, page by page."""
    before = 0
    with connected(exchange, certificate, account) as (_, _, client):
        while True:
            page = client.history(before)
            for line in page.transfers:
                if as_json:
                    fields = {"id": line.id, "amount": line.amount, "state": line.state}
                    output.result_json({**fields, "reason": line.reason, "created": line.created})
                else:
                    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(line.created))
                    coins = show_coins(line.amount)
                    output.result(f"{when}  {coins:>14}  {line.state:5}  {line.reason}")
            before = page.before
            if not before or not is_all:
                break
    if before:
        output.note("there is more: --all")


@command.command(help="Print an account's secret key file, or copy it to FILE: a backup.")
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@ACCOUNT_OPTION
def export(file: str | None, account: str | None) -> None:
    """Write the key file, for its owner's eyes."""
    name = account_name(account)
    pair = accounts.load_account(name)
    output.note(f"WARNING: this is the secret of account '{name}': whoever has it has its coins.")
    if file is None:
        sys.stdout.write(accounts.account_file(name).read_text())
        sys.stdout.flush()
    else:
        pair.save(Path(file))
        output.note(f"{file}: a copy that only you may read")
