"""The buyer: quotes, submits, follows and checks studies on the market.

    accounts.py exchanges.py           who pays, and whom
    study.py grid.py pictures.py       what is asked for: a file or a command line, as a job's parts
    quote.py sending.py records.py     its price, its way to the exchange, what is kept of it here
    following.py fetching.py           what came of it: as futures, or as files and a table
    checking.py                        the same computed here, bit for bit
    verbs/                             the verbs of `cpushare` that buyers use

Nothing that an exchange says is believed where it can be computed: the price, the hash of what
comes back, a sample of the results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cpushare.buyer.api import submit

__all__ = ["submit"]


def __getattr__(name: str) -> Any:
    """Import on first use: verbs must not wait for NumPy."""
    if name not in __all__:
        raise AttributeError(f"module 'cpushare.buyer' has no attribute {name!r}")
    from cpushare.buyer import api

    return getattr(api, name)
