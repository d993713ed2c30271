"""Token buckets: so many requests a second, and some more at once, from each key or address."""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections import OrderedDict
from collections.abc import Callable

from cpushare.exchange.edge.answers import TooOften

MOST_BUCKETS = 65_536
"""Buckets that are kept; the one that was used longest ago goes first."""


class Rates:
    """Buckets of `burst` tokens that fill at `rate` a second; `now` is a clock that never jumps."""

    def __init__(
        self, rate: float, burst: float, now: Callable[[], float], most: int = MOST_BUCKETS
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._now = now
        self._most = most
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, who: bytes, count: float = 1) -> None:
        """So many tokens; whoever has a whole one may owe the rest. Raises `TooOften` if not."""
        now = self._now()
        tokens, then = self._buckets.pop(who, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        is_empty = tokens < 1
        self._buckets[who] = (tokens if is_empty else tokens - count, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        if is_empty:
            wait_s = (1 - tokens) / self._rate
            raise TooOften(f"too many requests: come again in {max(1, round(wait_s))} s", wait_s)

    def __len__(self) -> int:
        return len(self._buckets)


class Addresses:
    """Addresses as buckets are named by: hashes that mean nothing outside this process."""

    def __init__(self) -> None:
        self._secret = os.urandom(32)

    def name(self, address: str) -> bytes:
        """The same for the same address, and for all of one IPv6 network of 64 bits."""
        try:
            found = ipaddress.ip_address(address)
            packed = found.packed[:8] if found.version == 6 else found.packed
        except ValueError:
            packed = address.encode()
        return hashlib.blake2b(packed, key=self._secret, digest_size=16).digest()
