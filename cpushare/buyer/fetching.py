"""What came of a job, from the exchange: outcomes page by page, blobs many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from cpushare.buyer.sending import patiently
from cpushare.market.messages import RESULTS_PAGE, TaskState
from cpushare.market.states import OVER
from cpushare.wire.client import ExchangeClient

BLOBS_AT_ONCE = 256


class Answers:
    """The last word on every task of a job. `look` asks what is new."""

    def __init__(self, client: ExchangeClient, job: str) -> None:
        self.client = client
        self.job = job
        self.state = ""
        self.latest: dict[int, TaskState] = {}
        self._begin = 0
        self._is_read_again = False

    def look(self) -> list[TaskState]:
        """What has changed since the last look. Raises what the exchange says."""
        news = self._read(self._begin)
        if self.state in OVER and not self._is_read_again:
            self._is_read_again = True
            news |= self._read(0)
        return list(news.values())

    def _read(self, after: int) -> dict[int, TaskState]:
        """All pages that begin at a time; notes where the next begin."""
        news: dict[int, TaskState] = {}
        settled = None
        while True:
            page = patiently(partial(self.client.results, self.job, after))
            for each in page.results:
                if self.latest.get(each.index) != each:
                    self.latest[each.index] = news[each.index] = each
            settled = page.settled if settled is None else settled
            self.state = page.state
            if len(page.results) < RESULTS_PAGE or page.after <= after:
                self._begin = min(settled, page.after)
                return news
            after = page.after


def fetch_blobs(client: ExchangeClient, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Blobs by their names, in any order. Raises `BadMessage` where the exchange sends others."""
    left = list(dict.fromkeys(names))
    while left:
        some: Sequence[str] = left[:BLOBS_AT_ONCE]
        found = patiently(lambda some=some: client.download_many(some))  # type: ignore[misc]
        yield from found.items()
        left = [name for name in left if name not in found]
