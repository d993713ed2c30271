"""Changes as server-sent events (WHATWG HTML, section 9.2).

One task reads one snapshot a second for all listeners together, as long as there is one. Nobody is
queued for: a slow listener gets the newest message when it is ready for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from cpushare.exchange.pages.front import Front, Fronts
from cpushare.exchange.pages.texts import coins, count

MOST_LISTENERS = 500
EVERY_S = 1.0
HEARTBEAT_S = 15.0
"""After how long without news a comment is sent, so that what lies between keeps the line open."""
LIFE_S = 300.0
"""How long one listens; browsers come again by themselves."""
AGAIN_MS = 3_000


def message(front: Front) -> bytes:
    """The event of a snapshot: texts and positions of what a page marks with `data-live`."""
    texts = {
        "running": count(front.running),
        "sellers": count(front.overview.active),
        "leased": count(front.overview.leased),
        "held": coins(front.overview.held),
        "minted": coins(front.overview.minted),
    }
    places = {}
    for line in front.live:
        texts[f"{line.job.hash}.answered"] = count(line.answered)
        places[f"{line.job.hash}.bar"] = line.answered
    data = {"shape": front.shape, "texts": texts, "places": places}
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


class Listeners:
    """Whoever listens, and the task that reads for them."""

    def __init__(self, fronts: Fronts) -> None:
        self._fronts = fronts
        self._changed = asyncio.Condition()
        self._number = 0
        self._last = b""
        self._reader: asyncio.Task[None] | None = None
        self.listening = 0

    @property
    def is_full(self) -> bool:
        """Whether nobody more is let in."""
        return self.listening >= MOST_LISTENERS

    async def events(self) -> AsyncIterator[bytes]:
        """What one listener is sent, beginning with things as they are."""
        loop = asyncio.get_running_loop()
        end = loop.time() + LIFE_S
        self.listening += 1
        try:
            if self._reader is None or self._reader.done():
                self._last = message(await self._fronts.get())
                self._reader = asyncio.create_task(self._read())
            seen = self._number
            yield b"retry: %d\n\n" % AGAIN_MS + self._last
            while loop.time() < end:
                try:
                    async with asyncio.timeout(HEARTBEAT_S), self._changed:
                        while self._number == seen:
                            await self._changed.wait()
                        seen, last = self._number, self._last
                    yield last
                except TimeoutError:
                    yield b":\n\n"
        finally:
            self.listening -= 1

    async def _read(self) -> None:
        while self.listening:
            await asyncio.sleep(EVERY_S)
            try:
                news = message(await self._fronts.get())
            except Exception:  # a database that is away for a while: pages say so, this waits
                continue
            if news != self._last:
                async with self._changed:
                    self._last = news
                    self._number += 1
                    self._changed.notify_all()
