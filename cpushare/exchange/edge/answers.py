"""Messages and errors as answers, and errors that only a front end has."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import Response

from cpushare.market.errors import MarketError, Unreachable
from cpushare.market.messages import Problem, encode

JSON = "application/json"
BYTES = "application/octet-stream"
_UNREAD = {408, 413, 429, 431, 503, 507}
"""After these the rest of a body may still be under way: the connection is of no more use."""


class TooOften(Unreachable):
    """More requests than are served; `retry_s` is when to come again."""

    status = 429

    def __init__(self, message: str, retry_s: float) -> None:
        super().__init__(message)
        self.retry_s = retry_s


class TooSlow(Unreachable):
    """The body did not come in time."""

    status = 408


def answer(message: Struct) -> Response:
    """An answer that is a message."""
    return Response(encode(message), media_type=JSON)


def refuse(error: MarketError) -> Response:
    """An answer that is an error."""
    headers = {}
    if error.status in _UNREAD:
        headers["connection"] = "close"
    if isinstance(error, TooOften):
        headers["retry-after"] = str(max(1, round(error.retry_s)))
    elif isinstance(error, Unreachable):
        headers["retry-after"] = "10"
    problem = encode(Problem(error.kind, str(error)))
    return Response(problem, error.status, headers, JSON)
