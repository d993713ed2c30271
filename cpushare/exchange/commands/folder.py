"""The folder of an exchange: keys, certificate, configuration, and the world made of them.

config.toml       what may be changed
exchange.key      who the exchange is
operator.key      who may make coins; better kept elsewhere, and brought for `mint`
checker.key       the exchange's own worker, checker.cpu its sell order
certificate.pem   for TLS, certificate.key its secret
"""

from __future__ import annotations

import hashlib
import random
import secrets
import ssl
import time
from pathlib import Path

from cpushare.exchange.blobs import BlobStore
from cpushare.exchange.config import Config
from cpushare.exchange.service import World
from cpushare.exchange.sql import open_store
from cpushare.market.errors import BadMessage
from cpushare.market.keys import KeyPair, read_key

EXCHANGE, OPERATOR, CHECKER = "exchange.key", "operator.key", "checker.key"
OPERATOR_NAME = "operator.name"
"""The operator's public key: the secret one need not lie here."""


async def open_world(folder: Path, config: Config) -> World:
    """The world of an exchange: its rows, its blobs, real time and chance."""
    chance = random.SystemRandom()
    return World(
        await open_store(config.database),
        BlobStore.open(config.blobs),
        time.time,
        chance.random,
        lambda: secrets.randbits(62),
        config.trust,
        KeyPair.load(folder / EXCHANGE).public,
        KeyPair.load(folder / CHECKER).public,
    )


def operator_key(folder: Path) -> bytes:
    """The public key of the operator. Raises `BadMessage`, `OSError`."""
    return read_key((folder / OPERATOR_NAME).read_text().strip())


def certificate_hash(folder: Path, config: Config) -> str:
    """The sha256 that sell orders pin; nothing if an authority vouches for the certificate.

    Raises `BadMessage`, `OSError`.
    """
    if not config.is_self_signed:
        return ""
    text = (folder / config.certificate).read_text()
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
    except ValueError as error:
        raise BadMessage(f"{config.certificate} is no certificate: {error}") from None
