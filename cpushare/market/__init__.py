"""The market: what exchange, sellers and buyers share. Strangers who need not trust each other.

    keys.py signing.py errors.py           who somebody is, and how a request proves it
    messages.py order.py rasters.py        what they say, .cpu files, images as blobs
    outcomes.py                            what a kernel gave, as an outcome, and back
    programs.py recent.py work.py          programs, verified; blobs in memory; what a task takes
    states.py rules.py desk.py trust.py    jobs, tasks, leases, and what may become of them
    wishes.py                              who gets which lease
    ledger.py coins.py                     double entry, in micro-coins

All of it is pure: time, randomness and storage come in from outside.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """`cpushare.market.submit` is the buyer's: whoever asks for it gets it from there."""
    if name != "submit":
        raise AttributeError(f"module 'cpushare.market' has no attribute {name!r}")
    from cpushare.buyer.api import submit

    return submit
