"""Whoever takes part in tests of the market: keys by name, and blobs in a dictionary."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import cache

from cpushare.exchange.blobs import describe
from cpushare.exchange.store import BlobRow
from cpushare.market.keys import KeyPair
from cpushare.market.rasters import blob_name


@cache
def pair(name: str) -> KeyPair:
    """A key pair that is the same in every run."""
    return KeyPair(random.Random(name).randbytes(32))


class BlobDict:
    """Blobs in a dictionary, which outlives whoever asks it."""

    def __init__(self, blobs: Iterable[bytes] = ()) -> None:
        self.kept = {blob_name(each): each for each in blobs}

    async def get_all(self, rows: Sequence[BlobRow]) -> dict[str, bytes]:
        """Look them up."""
        return {row.name: self.kept[row.name] for row in rows if row.name in self.kept}

    async def put(self, data: bytes) -> BlobRow:
        """Keep it."""
        return (await self.put_all([data]))[0]

    async def put_all(self, blobs: Sequence[bytes]) -> list[BlobRow]:
        """Keep them."""
        rows = [describe(blob_name(each), each) for each in blobs]
        self.kept.update((row.name, each) for row, each in zip(rows, blobs, strict=True))
        return rows

    async def check(self) -> None:
        """Nothing can be wrong."""
