"""What many ask for is made once: values that are kept for a while, and made by one at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """At most `most` values, each for `for_s` seconds by the clock `now`; the oldest go first."""

    def __init__(self, now: Callable[[], float], for_s: float, most: int) -> None:
        self._now = now
        self._for_s = for_s
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[float, asyncio.Future[V]]] = OrderedDict()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[V]]) -> V:
        """The value of a key, made if there is none that is fresh. Errors are kept like values."""
        made, future = self._kept.get(key, (0.0, None))
        # A clock that was set back must not keep a value for longer.
        if future is None or not 0 <= self._now() - made < self._for_s:
            future = asyncio.ensure_future(make())
            self._kept[key] = self._now(), future
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        # Whoever asked first may go away while the others wait.
        return await asyncio.shield(future)
