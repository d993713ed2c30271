"""What may be asked about blobs. Whoever has signed may read what it can name: names are hashes."""

from __future__ import annotations

from collections.abc import Sequence

from cpushare.exchange.service import World, use_up
from cpushare.market.errors import BadMessage, Missing
from cpushare.market.frames import LENGTH_BYTES, pack_blobs, unpack_blobs
from cpushare.market.messages import FRAME_BYTES, BlobNames
from cpushare.market.signing import Signed

FRAME_BLOBS = 10_000
"""The most blobs in one frame."""


class BlobDesk:
    """Storing and reading blobs."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def missing(self, signed: Signed, names: Sequence[str]) -> BlobNames:
        """Those of the names that are not here."""
        wanted = dict.fromkeys(names)
        async with self.world.store.begin() as transaction:
            await use_up(transaction, signed, self.world.now())
            known = await transaction.blobs(wanted)
        return BlobNames([name for name in wanted if name not in known])

    async def keep(self, signed: Signed, blobs: Sequence[bytes]) -> BlobNames:
        """Store blobs; gives their names. Raises `Unreachable` if there is no room."""
        if len(blobs) > FRAME_BLOBS:
            raise BadMessage(f"a frame has at most {FRAME_BLOBS} blobs, not {len(blobs)}")
        rows = {row.name: row for row in await self.world.blobs.put_all(blobs)}
        async with self.world.store.begin() as transaction:
            await use_up(transaction, signed, self.world.now())
            await transaction.add_blobs(rows.values())
        return BlobNames(list(rows))

    async def keep_frame(self, signed: Signed, frame: bytes) -> BlobNames:
        """Store the blobs of a frame. Raises `BadMessage` if it is cut off."""
        return await self.keep(signed, list(unpack_blobs(frame)))

    async def read(self, signed: Signed, name: str) -> bytes:
        """One blob. Raises `Missing`."""
        async with self.world.store.begin() as transaction:
            await use_up(transaction, signed, self.world.now())
            known = await transaction.blobs([name])
        return (await self.world.read([name], known))[0]

    async def read_many(self, signed: Signed, names: Sequence[str]) -> bytes:
        """A frame of the first of some blobs: as many as it holds, one at least.

        Raises `Missing`.
        """
        async with self.world.store.begin() as transaction:
            await use_up(transaction, signed, self.world.now())
            known = await transaction.blobs(set(names))
        chosen: list[str] = []
        room = FRAME_BYTES
        for name in dict.fromkeys(names[:FRAME_BLOBS]):
            if name not in known:
                raise Missing(f"there is no blob {name}")
            room -= known[name].size_bytes + LENGTH_BYTES
            if room < 0 and chosen:
                break
            chosen.append(name)
        return pack_blobs(await self.world.read(chosen, known))
