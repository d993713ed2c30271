"""Who is let in: the right host, a rate that can be served, a signature, a body that fits."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from starlette.requests import Request

from cpushare.exchange.edge.bodies import Bodies, length_of
from cpushare.exchange.edge.rates import Addresses, Rates
from cpushare.market import signing
from cpushare.market.errors import BadMessage, BadSignature
from cpushare.market.signing import Signed


class Limits(Struct, frozen=True):
    """Requests a second, and at once, from one key and from one address; 64 bits of an IPv6
    address are one. `body_s` is what a body may take to come, besides what its length takes.
    Of what is to be stored, `stored_bytes_day` a day from one key, and four times as much from one
    address: what a stranger can put on the disk before somebody looks.
    """

    key_rate: float = 200.0
    key_burst: float = 1_000.0
    address_rate: float = 2_000.0
    address_burst: float = 10_000.0
    body_s: float = 20.0
    stored_bytes_day: float = 64 * 2.0**30


class Sent(Struct, frozen=True):
    """A request whose signature is right; whether it was sent before is not known yet."""

    signed: Signed
    body: bytes


class Gate:
    """Lets requests in. `authorities` are the hosts that the exchange goes by, with their ports;
    `now` is the exchange's clock, `steady` one that never jumps.
    """

    def __init__(
        self,
        authorities: frozenset[str],
        limits: Limits,
        now: Callable[[], float],
        steady: Callable[[], float],
    ) -> None:
        self._authorities = authorities
        self._now = now
        self._names = Addresses()
        self._of_address = Rates(limits.address_rate, limits.address_burst, steady)
        self._of_key = Rates(limits.key_rate, limits.key_burst, steady)
        stored, day_s = limits.stored_bytes_day, 86_400
        self._stored_of_key = Rates(stored / day_s, stored, steady)
        self._stored_of_address = Rates(4 * stored / day_s, 4 * stored, steady)
        self._bodies = Bodies(limits.body_s)

    def admit(self, address: str) -> None:
        """Raises `TooOften` if an address asks too often."""
        self._of_address.take(self._names.name(address))

    async def receive(
        self, request: Request, most_bytes: int = 0, *, is_stored: bool = False
    ) -> Sent:
        """Who signed a request, and its body. Nothing is done with a body that is not signed; one
        that will be stored counts before it is read.

        Raises `BadSignature`, `TooOften`, and as `Bodies.read`.
        """
        signed = self.check_head(request)
        if is_stored and (length := length_of(request)) <= most_bytes:
            client = request.client.host if request.client else ""
            self._stored_of_key.take(signed.key, length)
            self._stored_of_address.take(self._names.name(client), length)
        body = await self._bodies.read(request, most_bytes)
        signing.check_body(signed, body)
        return Sent(signed, body)

    def check_head(self, request: Request) -> Signed:
        """Who signed a request, by its headers alone. Raises `BadSignature`, `TooOften`."""
        head = signing.Request(
            request.method,
            _text(request.scope["raw_path"]),
            _text(request.scope["query_string"]),
            self._authority(request),
        )
        signed = signing.check_head(head, request.headers, self._now())
        self._of_key.take(signed.key)
        return signed

    def _authority(self, request: Request) -> str:
        hosts = request.headers.getlist("host")
        if len(hosts) != 1:
            raise BadMessage("a request names one Host")
        authority = signing.authority_of(_scheme(request), hosts[0])
        if authority not in self._authorities:
            known = ", ".join(sorted(self._authorities))
            raise BadSignature(f"the request is for '{authority[:100]}', this exchange is {known}")
        return authority


def _scheme(request: Request) -> str:
    return "https" if request.scope["scheme"] == "https" else "http"


def _text(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise BadMessage("path and query are ASCII") from None
