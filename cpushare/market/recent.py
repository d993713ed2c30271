"""Blobs in memory that were used last: most are read again soon after they were written."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping


class Recent:
    """As many blobs by name as fit into `most_bytes`; those that came first go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._blobs: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, name: str) -> bytes | None:
        """A blob, if it is here."""
        return self._blobs.get(name)

    def keep(self, blobs: Mapping[str, bytes]) -> None:
        """Add blobs."""
        for name, data in blobs.items():
            if name not in self._blobs:
                self._blobs[name] = data
                self._bytes += len(data)
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._blobs.popitem(last=False)[1])
