"""What can go wrong between strangers: one class per broken promise.

    MarketError
    ├── BadMessage     what was sent is no message of this kind
    ├── BadSignature   a request, an order or a mint is not signed by whom it says
    ├── Forbidden      the signer may not do this
    ├── Missing        there is no such account, job, lease or blob
    ├── Conflict       what is asked contradicts what has been done before
    ├── TooMuch        beyond a limit: of size, of rate, of coins
    └── Unreachable    no answer, for now: try again later

`kind` is the word that stands for the class in an answer of the exchange.
"""

from __future__ import annotations

from typing import ClassVar

from vm.errors import CPUShareError


class MarketError(CPUShareError):
    """The root: `kind` names the class on the wire, `status` is that of HTTP."""

    kind: ClassVar[str] = "error"
    status: ClassVar[int] = 500


class BadMessage(MarketError):
    """What was sent is no message of this kind."""

    kind = "bad-message"
    status = 400


class BadSignature(MarketError):
    """A request, an order or a mint is not signed by whom it says, or was signed too long ago."""

    kind = "bad-signature"
    status = 401


class Forbidden(MarketError):
    """The signer may not do this."""

    kind = "forbidden"
    status = 403


class Missing(MarketError):
    """There is no such account, job, lease or blob."""

    kind = "missing"
    status = 404


class Conflict(MarketError):
    """What is asked contradicts what has been done before."""

    kind = "conflict"
    status = 409


class TooMuch(MarketError):
    """Beyond a limit: of size, of rate, of coins."""

    kind = "too-much"
    status = 413


class Unreachable(MarketError):
    """No answer, for now."""

    kind = "unreachable"
    status = 503


KINDS: dict[str, type[MarketError]] = {
    error.kind: error
    for error in (BadMessage, BadSignature, Forbidden, Missing, Conflict, TooMuch, Unreachable)
}
