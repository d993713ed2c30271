"""Whoever takes part in tests of the market: keys by name, and blobs in a dictionary."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import cache

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

    async def get(self, name: str) -> bytes | None:
        """Look it up."""
        return self.kept.get(name)

    async def get_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """Look them up."""
        return {name: self.kept[name] for name in names if name in self.kept}

    async def put(self, data: bytes) -> str:
        """Keep it."""
        return (await self.put_all([data]))[0]

    async def put_all(self, blobs: Sequence[bytes]) -> list[str]:
        """Keep them."""
        names = [blob_name(each) for each in blobs]
        self.kept.update(zip(names, blobs, strict=True))
        return names

    async def check(self) -> None:
        """Nothing can be wrong."""
