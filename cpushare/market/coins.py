"""CPUCoins: whole micro-coins, units of account between the users of one exchange.

They are no money, and nobody changes them for any.
"""

from __future__ import annotations

import re

from cpushare.market.errors import BadMessage

MICRO = 1_000_000
"""Micro-coins in a coin."""
MOST_MICRO = 1 << 62
"""The most that an amount can be: sums of a few still fit 64 bits in no database's integers."""
BILLION = 1_000_000_000
_FORM = re.compile(r"(\d{1,13})(?:\.(\d{1,6}))?")


def read_coins(text: str) -> int:
    """Micro-coins from a decimal number of coins, such as "2.5". Raises `BadMessage`."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise BadMessage(f"'{text[:40]}' is no number of coins: 12, or 0.25 with up to six digits")
    amount = int(found[1]) * MICRO + int((found[2] or "").ljust(6, "0"))
    if amount > MOST_MICRO:
        raise BadMessage(f"{text[:40]} coins are more than there can be")
    return amount


def show_coins(micro: int) -> str:
    """Micro-coins as coins: 1500000 is "1.5", -1 is "-0.000001"."""
    whole, part = divmod(abs(micro), MICRO)
    digits = f"{part:06}".rstrip("0")
    return f"{'-' if micro < 0 else ''}{whole}{'.' + digits if digits else ''}"


def pay_of(units: int, price: int) -> int:
    """What a task of `units` of work earns at `price` micro-coins per billion units, rounded up."""
    return max(1, -(-units * price // BILLION))
