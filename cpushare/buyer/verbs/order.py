"""cpushare order: make and explain sell orders, `.cpu` files."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from cpushare.buyer.accounts import find_account
from cpushare.buyer.exchanges import Exchange, certificate_of, check_key, find_exchange, open_client
from cpushare.buyer.verbs import EXCHANGE_OPTIONS, account_name
from cpushare.cpsc import output
from cpushare.market.coins import show_coins
from cpushare.market.errors import BadSignature
from cpushare.market.keys import read_key
from cpushare.market.order import HOURS, SellOrder, read_order, write_order
from vm.errors import Refused

_MEMORY = re.compile(r"(\d{1,6})\s*([KMGT]i?)?B?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


@click.group(help="Make and explain sell orders: .cpu files, which hold no secret.")
def command() -> None:
    """The root of what is done with orders."""


def read_memory(text: str) -> int:
    """The bytes that "2G", "2GiB" or "2000000000" name; G is 1000³, Gi 1024³. Raises `Refused`."""
    found = _MEMORY.fullmatch(text.strip())
    if found is None and not text.strip().isdigit():
        raise Refused(f"memory is written 2G, 512M or in bytes, not '{text}'")
    if found is None:
        return int(text)
    unit = (found[2] or "").upper()
    base = 1024 if unit.endswith("I") else 1000
    return int(found[1]) * int(base ** _POWERS[unit.rstrip("I")])


@command.command(help="Write a signed sell order to standard output: cpushare order new > mine.cpu")
@click.option("--credit", metavar="ACCOUNT|NAME", help="Whose account earns: one of yours.")
@click.option(
    "--min-price",
    required=True,
    type=click.IntRange(1),
    help="The least for a billion cost units, in micro-coins.",
)
@click.option("--memory", default="2G", show_default=True, help="The most that a task may take.")
@click.option("--hours", default="", metavar="22:00-07:00", help="When to work; else always.")
@click.option("--exchange-key", metavar="KEY", help="The exchange's key, if you know it.")
@click.option("-y", "--yes", "is_sure", is_flag=True, help="Believe what the exchange shows.")
@EXCHANGE_OPTIONS[0]
@EXCHANGE_OPTIONS[1]
def new(
    credit: str | None,
    min_price: int,
    memory: str,
    hours: str,
    exchange: str | None,
    certificate: str | None,
    exchange_key: str | None,
    is_sure: bool,
) -> None:
    """Sign an order by the credited account."""
    if hours and not HOURS.fullmatch(hours):
        raise Refused(f"hours are written 22:00-07:00, not '{hours}'")
    pair = find_account(credit or account_name(None))
    place = find_exchange(exchange, certificate)
    if exchange_key:
        read_key(exchange_key)
        place = Exchange(place.address, exchange_key, place.certificate)
    if not place.key:
        shown = place.certificate or certificate_of(place.address)
        place = Exchange(place.address, "", shown)
        with open_client(place, pair) as client:
            place = Exchange(place.address, check_key(place, client), shown)
        _confirm(place, is_sure)
    order = SellOrder(
        place.address,
        place.key,
        pair.name,
        min_price,
        read_memory(memory),
        hours,
        place.certificate,
    )
    text = write_order(order, pair)
    read_order(text)
    sys.stdout.write(text)
    sys.stdout.flush()


def _confirm(place: Exchange, is_sure: bool) -> None:
    """Show who answers, and ask whether it is the one that is meant."""
    output.note(f"exchange     {place.address}\nits key      {place.key}")
    if place.certificate:
        output.note(f"certificate  sha256 {place.certificate} (its own: no authority vouches)")
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise Refused(
            "compare this with what the exchange's operator publishes; then --yes, or "
            "--exchange-key and --certificate with the right ones"
        )
    click.confirm("Is it the one that you mean?", abort=True, err=True)


@command.command(help="Explain a sell order, and say whether its signature holds.")
@click.argument("file", type=click.Path(dir_okay=False), metavar="FILE.cpu")
def show(file: str) -> int:
    """Read, check, explain."""
    text = Path(file).read_text()
    try:
        order = read_order(text)
    except BadSignature as error:
        output.error(f"{file}: {error}")
        return 1
    output.result(explain(order))
    return 0


def explain(order: SellOrder) -> str:
    """A sell order in sentences."""
    when = f"between {order.hours.replace('-', ' and ')}" if order.hours else "at any hour"
    seal = (
        f"It is believed by its own certificate, sha256 {order.certificate}."
        if order.certificate
        else "It is believed by a certificate of an authority, as web pages are."
    )
    coins = show_coins(order.min_price)
    return (
        f"Whoever runs this file works for the exchange at {order.exchange}.\n"
        f"That exchange has the key {order.exchange_key}.\n{seal}\n"
        f"What is earned goes to the account {order.credit}.\n"
        f"It asks at least {order.min_price} micro-coins ({coins} coins) for a billion cost units, "
        f"works {when},\nand takes tasks of up to {order.memory_bytes:,} bytes of memory.\n"
        "It holds no secret: copies of it may be run by anybody, a worker each.\n"
        "The signature holds: the account that it credits has signed all of this."
    )
