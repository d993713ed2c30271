"""What came of a job, from the exchange: outcomes page by page, blobs many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cpushare.buyer.sending import patiently
from cpushare.market.messages import TaskState
from cpushare.wire.client import ExchangeClient

BLOBS_AT_ONCE = 256


class Answers:
    """The last word on every task of a job. `look` asks what is new."""

    def __init__(self, client: ExchangeClient, job: str) -> None:
        self.client = client
        self.job = job
        self.state = ""
        self.latest: dict[int, TaskState] = {}
        self._after = 0

    def look(self) -> list[TaskState]:
        """What has changed since the last look. Raises what the exchange says."""
        news: dict[int, TaskState] = {}
        while True:
            page = patiently(lambda: self.client.results(self.job, self._after))
            fresh = [each for each in page.results if self.latest.get(each.index) != each]
            for each in fresh:
                self.latest[each.index] = news[each.index] = each
            self.state = page.state
            is_last = not fresh or page.after == self._after
            self._after = page.after
            if is_last:
                return list(news.values())


def fetch_blobs(client: ExchangeClient, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Blobs by their names, in any order. Raises `BadMessage` where the exchange sends others."""
    left = list(dict.fromkeys(names))
    while left:
        some: Sequence[str] = left[:BLOBS_AT_ONCE]
        found = patiently(lambda some=some: client.download_many(some))  # type: ignore[misc]
        yield from found.items()
        left = [name for name in left if name not in found]
