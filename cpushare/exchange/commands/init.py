"""cpushare exchange init: the folder of a new exchange."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from cpushare.cpsc import output
from cpushare.exchange.certificate import make_certificate
from cpushare.exchange.commands import folder as place
from cpushare.exchange.config import Config, read_config, write_config
from cpushare.exchange.sql import migrate
from cpushare.market.errors import Conflict
from cpushare.market.keys import KeyPair
from cpushare.market.order import SellOrder, check_address, write_order


@click.command(help="Make the folder of a new exchange: keys, certificate, database, config.toml.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--address",
    default="https://127.0.0.1:8443",
    show_default=True,
    help="Where sellers and buyers find it.",
)
@click.option("--listen", default="", help="HOST:PORT of the server, if that is another.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(folder: Path, address: str, listen: str, as_json: bool) -> int:
    """Make it, and say what comes next."""
    address = check_address(address)
    parts = urlsplit(address)
    host = parts.hostname or ""
    if (folder / "config.toml").exists():
        raise Conflict(f"{folder} has an exchange already: choose another folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (place.EXCHANGE, place.OPERATOR, place.CHECKER):
        KeyPair.load_or_make(folder / name)
    operator = KeyPair.load(folder / place.OPERATOR)
    (folder / place.OPERATOR_NAME).write_text(f"{operator.name}\n")
    certificate, key = folder / "certificate.pem", folder / "certificate.key"
    if not certificate.exists():
        key.unlink(missing_ok=True)
        make_certificate(host, certificate, key, datetime.datetime.now(datetime.UTC))
    write_config(folder, address, listen or f"{host}:{parts.port or 443}")
    try:
        config = read_config(folder)
        _write_checker(folder, config)
        asyncio.run(migrate(config.database))
    except BaseException:
        (folder / "config.toml").unlink()  # what is half made is no exchange
        raise
    _report(folder, config, as_json)
    return 0


def _write_checker(folder: Path, config: Config) -> None:
    """The sell order of the exchange's own worker: it earns nothing."""
    checker = KeyPair.load(folder / place.CHECKER)
    order = SellOrder(
        config.address,
        KeyPair.load(folder / place.EXCHANGE).name,
        checker.name,
        min_price=1,
        certificate=place.certificate_hash(folder, config),
    )
    (folder / "checker.cpu").write_text(write_order(order, checker))


def _report(folder: Path, config: Config, as_json: bool) -> None:
    key = KeyPair.load(folder / place.EXCHANGE).name
    certificate = place.certificate_hash(folder, config)
    if as_json:
        output.result_json({"address": config.address, "key": key, "certificate": certificate})
        return
    output.result(f"An exchange is in {folder}. What sellers and buyers need to know of it:")
    output.result(f"  address      {config.address}\n  key          {key}")
    output.result(f"  certificate  {certificate}")
    output.result("Next:")
    output.result(f"  cpushare exchange serve {folder}")
    output.result(f'  cpushare exchange mint {folder} ACCOUNT 100 --reason "…"')
    output.result(f"Keep {place.OPERATOR} elsewhere: whoever has it makes coins.")
