"""What a transaction needs of a database's driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cpushare.exchange.sql.rows import Row
from cpushare.exchange.sql.statements import Find, Finding, Query, Write


class Link(Protocol):
    """A connection with a transaction under way."""

    async def fetch(self, query: Query, *values: object) -> Sequence[Row]:
        """The rows that a statement gives."""

    async def find(self, lookup: Finding, keys: Sequence[Sequence[object]]) -> Sequence[Row]:
        """Rows by their keys, which are in order and without repetition."""

    async def find_all(self, *finds: Find) -> Sequence[Sequence[Row]]:
        """As `find`, for each of some lookups, which know nothing of each other."""

    async def write(self, writes: Sequence[Write]) -> None:
        """Do all that has rows, in order."""


FORGET_S = 10.0
"""How often nonces whose time is over are swept out."""


class Forgetting:
    """Says when it is time again to forget nonces."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, now: float) -> bool:
        """Whether it is; then not again for a while."""
        is_time = now >= self._next
        if is_time:
            self._next = now + FORGET_S
        return is_time
