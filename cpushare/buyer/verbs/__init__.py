"""The verbs of `cpushare` that buyers use, a module each, and the options that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from cpushare.buyer.accounts import load_account
from cpushare.buyer.exchanges import Exchange, find_exchange, open_client
from cpushare.config import text_setting
from cpushare.wire.client import ExchangeClient

EXCHANGE_OPTIONS = (
    click.option(
        "--exchange", metavar="URL|FILE.cpu", help="Which exchange; else the setting 'exchange'."
    ),
    click.option(
        "--certificate", metavar="HASH", help="The exchange's own certificate, by sha256."
    ),
)
ACCOUNT_OPTION = click.option(
    "--account", metavar="NAME", help="Which account; else the setting 'account'."
)
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
F = Callable[..., Any]


def market_options(function: F) -> F:
    """Options that say which exchange and which account."""
    for option in (*reversed(EXCHANGE_OPTIONS), ACCOUNT_OPTION):
        function = option(function)
    return function


def account_name(name: str | None) -> str:
    """The account that is meant."""
    return name or text_setting("account")


@contextmanager
def connected(
    exchange: str | None, certificate: str | None, account: str | None
) -> Iterator[tuple[Exchange, str, ExchangeClient]]:
    """The exchange, the account's name, and a client in its name. Nothing is asked yet."""
    place = find_exchange(exchange, certificate)
    name = account_name(account)
    with open_client(place, load_account(name)) as client:
        yield place, name, client


@contextmanager
def of_record(exchange: str, certificate: str, account: str) -> Iterator[ExchangeClient]:
    """A client for a job that this machine knows, in the name of the account that paid."""
    with open_client(Exchange(exchange, certificate=certificate), load_account(account)) as client:
        yield client
