"""The whole books, page by page, as `store.Books` promises."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from typing import TypeVar

from cpushare.exchange.sql import rows
from cpushare.exchange.sql import statements as sql
from cpushare.exchange.sql.link import Link
from cpushare.exchange.sql.rows import Row
from cpushare.market.ledger import Balance, Transfer
from cpushare.market.states import Execution, Job

S = TypeVar("S")
PAGE = 2_000


class SqlBooks:
    """Reads in one snapshot."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def _pages(self, query: sql.Query, of: Callable[[Row], S]) -> AsyncIterator[S]:
        """Row by row, in the order of the first column."""
        after = -1
        while found := await self._link.fetch(query, after, PAGE):
            for row in found:
                yield of(row)
            after = found[-1][0]

    def every_transfer(self) -> AsyncIterator[Transfer]:
        """In the order of entry."""
        return self._pages(sql.BOOK_TRANSFERS, lambda row: rows.transfer_of(row[1:]))

    def every_balance(self) -> AsyncIterator[Balance]:
        """In the order of accounts."""
        return self._pages(sql.BOOK_BALANCES, rows.balance_of)

    def every_paid(self) -> AsyncIterator[Execution]:
        """In the order of ids."""
        return self._pages(sql.BOOK_PAID, rows.execution_of)

    def every_job(self) -> AsyncIterator[Job]:
        """In the order of beginning."""
        return self._pages(sql.BOOK_JOBS, rows.job_of)

    async def transfers(self, ids: Collection[bytes]) -> dict[bytes, Transfer]:
        """Look them up."""
        found = await self._link.find(sql.TRANSFERS, [(each,) for each in sorted(ids)])
        return {row[0]: rows.transfer_of(row) for row in found}
