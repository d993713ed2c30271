"""config.toml of an exchange: where it is, where it keeps things, what it demands."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from cpushare.exchange.edge.gate import Limits
from cpushare.market.errors import BadMessage
from cpushare.market.order import check_address
from cpushare.market.signing import authority_of
from cpushare.market.trust import TrustPolicy

NAME = "config.toml"
TEMPLATE = """\
# An exchange of CPUShare. Paths are meant from the folder of this file.

address = "{address}"        # what sellers and buyers are told; sell orders carry it
listen = "{listen}"          # HOST:PORT of the server itself
database = "{database}"      # sqlite:///FILE or postgresql://USER@HOST/NAME
blobs = "{blobs}"            # file:///FOLDER or s3://BUCKET/PREFIX

certificate = "certificate.pem"  # yours, or an authority's with its chain
key = "certificate.key"
is_self_signed = true        # then sell orders pin the certificate
is_behind_proxy = false      # true: no TLS here, the proxy has it; addresses are by its word

[trust]                      # cpushare/market/trust.py says what each means
probation = {policy.probation}
share = {policy.share}
hold_s = {policy.hold_s}
patience_s = {policy.patience_s}

[limits]                     # requests a second, and at once
key_rate = {limits.key_rate}
key_burst = {limits.key_burst}
address_rate = {limits.address_rate}
address_burst = {limits.address_burst}
stored_bytes_day = {limits.stored_bytes_day}  # uploads of one key; of one address, four times that
"""


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """What config.toml says."""

    address: str
    listen: Annotated[str, Meta(pattern=r"\A.+:\d{1,5}\Z")]
    database: str
    blobs: str
    certificate: str = ""
    key: str = ""
    is_self_signed: bool = False
    is_behind_proxy: bool = False
    trust: TrustPolicy = TrustPolicy()
    limits: Limits = Limits()

    @property
    def authority(self) -> str:
        """The host of signed requests."""
        parts = urlsplit(self.address)
        return authority_of(parts.scheme, parts.netloc)

    @property
    def place(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


def read_config(folder: Path) -> Config:
    """The configuration of an exchange. Raises `BadMessage`, `OSError`."""
    path = folder / NAME
    try:
        config = msgspec.convert(tomllib.loads(path.read_text()), Config)
    except FileNotFoundError:
        raise BadMessage(f"{folder} has no {NAME}: make an exchange by 'init'") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BadMessage(f"{path}: {error}") from None
    if check_address(config.address) != config.address:
        raise BadMessage(f"{path}: the address is written {check_address(config.address)}")
    return config


def write_config(folder: Path, address: str, listen: str) -> None:
    """A new config.toml, with a SQLite database and a folder of blobs beside it."""
    text = TEMPLATE.format(
        address=address,
        listen=listen,
        database=f"sqlite:///{(folder / 'exchange.sqlite').resolve()}",
        blobs=(folder / "blobs").resolve().as_uri(),
        policy=TrustPolicy(),
        limits=Limits(),
    )
    with (folder / NAME).open("x") as file:
        file.write(text)
