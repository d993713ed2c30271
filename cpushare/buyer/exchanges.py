"""Which exchange is meant, and that it is the one: its address, key and certificate.

An exchange is named by its address, or by a `.cpu` file of it, which says also which key and
certificate it has.
"""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from cpushare.config import text_setting
from cpushare.market.errors import BadSignature, Unreachable
from cpushare.market.keys import KeyPair
from cpushare.market.order import SUFFIX, check_address, read_order
from cpushare.wire.client import ExchangeClient
from vm.errors import Refused

CONNECT_S = 10


class Exchange(Struct, frozen=True):
    """An exchange: its address, and its key and certificate's sha256 where they are known."""

    address: str
    key: str = ""
    certificate: str = ""


def find_exchange(text: str | None, certificate: str | None = None) -> Exchange:
    """The exchange that an option names, or else the settings. Raises `Refused`, `BadMessage`."""
    named = text or text_setting("exchange")
    if not named:
        raise Refused(
            "which exchange? --exchange https://HOST:PORT, or a .cpu file of it; the setting "
            "'exchange' keeps it (cpsc config)"
        )
    if named.endswith(SUFFIX):
        order = read_order(Path(named).read_text())
        return Exchange(order.exchange, order.exchange_key, order.certificate)
    found = certificate if certificate is not None else text_setting("certificate")
    return Exchange(check_address(named), certificate=found)


def open_client(exchange: Exchange, pair: KeyPair) -> ExchangeClient:
    """A client in the name of an account; it connects when it is first asked."""
    return ExchangeClient(exchange.address, pair, certificate=exchange.certificate)


def check_key(exchange: Exchange, client: ExchangeClient) -> str:
    """The exchange's key. Raises `BadSignature` if it is not the one that is expected."""
    key = client.info().key
    if exchange.key and key != exchange.key:
        raise BadSignature(
            f"{exchange.address} has the key {key[:12]}…, not {exchange.key[:12]}… as was said: it "
            "is not that exchange"
        )
    return key


def certificate_of(address: str) -> str:
    """The sha256 of an exchange's certificate if no authority vouches for it, else nothing.

    Raises `Unreachable`.
    """
    parts = urlsplit(address)
    if parts.scheme != "https":
        return ""
    place = (parts.hostname or "", parts.port or 443)
    try:
        import socket

        with socket.create_connection(place, CONNECT_S) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname=place[0]).close()
        return ""
    except ssl.SSLCertVerificationError:
        text = ssl.get_server_certificate(place, timeout=CONNECT_S)
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
    except OSError as error:
        raise Unreachable(f"{address} does not answer: {error}") from None
