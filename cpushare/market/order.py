"""Sell orders, `.cpu` files: a text that anybody may copy, signed by the account it earns for.

    exchange = "https://exchange.example:8443"   # where work comes from
    exchange_key = "…"                           # who the exchange is
    certificate = "…"                            # sha256 of its certificate, if it is self-signed
    credit = "…"                                 # the account that earns
    min_price = 1000                             # micro-coins for a billion cost units, at least
    memory_bytes = 2000000000                    # the most that a task may take
    hours = "22:00-07:00"                        # when to work, by this machine's clock
    signature = "…"                              # by the account, over all that is above

It holds no secret: thousands may run copies of one. Comments and order are free.
"""

from __future__ import annotations

import base64
import binascii
import re
import tomllib
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, structs

from cpushare.market.errors import BadMessage, BadSignature
from cpushare.market.keys import KeyPair, check_signature, read_key
from cpushare.market.messages import Key, Price, canonical

ORDER_BYTES = 8192
SUFFIX = ".cpu"
DOMAIN = b"CPUShare sell order 1\n"
HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")
LEAST_MEMORY = 64 << 20


class SellOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A `.cpu` file's content. `signature` is base64."""

    exchange: Annotated[str, Meta(max_length=300)]
    exchange_key: Key
    credit: Key
    min_price: Price
    memory_bytes: Annotated[int, Meta(ge=LEAST_MEMORY, le=1 << 50)] = 2_000_000_000
    hours: Annotated[str, Meta(max_length=11)] = ""
    certificate: Annotated[str, Meta(pattern=r"\A([0-9a-f]{64})?\Z")] = ""
    signature: Annotated[str, Meta(max_length=88)] = ""

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        return DOMAIN + canonical(structs.replace(self, signature=""))


def check_address(address: str) -> str:
    """The address of an exchange, without a slash at its end. Raises `BadMessage`.

    Plain http is for the machine itself alone.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    is_near = host in ("127.0.0.1", "::1", "localhost")
    extra = parts.path.rstrip("/") or parts.query or parts.fragment or parts.username
    if (
        not host
        or not HOST.fullmatch(host)
        or extra
        or not (parts.scheme == "https" or (parts.scheme == "http" and is_near))
    ):
        raise BadMessage(
            f"'{address[:100]}' is no address of an exchange: https://HOST or https://HOST:PORT"
        )
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}"


def read_order(text: str) -> SellOrder:
    """The order that a `.cpu` file holds. Raises `BadMessage`, `BadSignature`."""
    if len(text.encode()) > ORDER_BYTES:
        raise BadMessage(f"a sell order has at most {ORDER_BYTES} bytes")
    try:
        order = msgspec.convert(tomllib.loads(text), SellOrder)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"this is no sell order: {str(error)[:200]}") from None
    if order.exchange != check_address(order.exchange):
        raise BadMessage(f"the exchange's address is written {check_address(order.exchange)}")
    read_key(order.exchange_key)
    if order.hours and not HOURS.fullmatch(order.hours):
        raise BadMessage(f"hours are written 22:00-07:00, not '{order.hours}'")
    try:
        signature = base64.b64decode(order.signature, validate=True)
    except binascii.Error:
        raise BadSignature("the order's signature is no base64") from None
    try:
        check_signature(read_key(order.credit), order.signed, signature)
    except BadSignature:
        raise BadSignature(
            "the order is not signed by the account it credits: a .cpu file that was changed must "
            "be signed again ('cpushare order new')"
        ) from None
    return order


def write_order(order: SellOrder, account: KeyPair) -> str:
    """The text of a `.cpu` file, signed. Raises `BadMessage` unless the account is the credited."""
    if order.exchange != check_address(order.exchange):
        raise BadMessage(f"the exchange's address is written {check_address(order.exchange)}")
    if order.credit != account.name:
        raise BadMessage("an order is signed by the account it credits")
    signature = base64.b64encode(account.sign(order.signed)).decode()
    lines = [
        "# A CPUShare sell order: put it into /etc/cpushare, one file for each processor to sell.",
        "# It holds no secret. Lines cannot be changed without signing anew.",
        f'exchange = "{order.exchange}"',
        f'exchange_key = "{order.exchange_key}"',
    ]
    if order.certificate:
        lines.append(f'certificate = "{order.certificate}"')
    lines += [
        f'credit = "{order.credit}"',
        f"min_price = {order.min_price}  # micro-coins for a billion cost units",
        f"memory_bytes = {order.memory_bytes}",
    ]
    if order.hours:
        lines.append(f'hours = "{order.hours}"')
    return "\n".join([*lines, f'signature = "{signature}"', ""])
