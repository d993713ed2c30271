"""Bytes by their sha256: programs, rasters, job orders, in a folder or a bucket, through obstore.

Blobs that come together are written together, as one pack: a file, or an object, costs more than
the bytes of a small picture do. Where a blob lies is in its row (`BlobRow`). A pack is written
whole or not at all (obstore writes beside and renames), and on a disk of ours it is on the platter
before anybody is told that it is there. What is read from it is held against its name again: bytes
that a disk has spoilt are as good as missing. What was written last is in memory.

obstore's calls that wait are made in threads: its own asynchronous ones may abort the interpreter
when it ends.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Sequence
from itertools import accumulate, groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from cpushare.exchange.store import BlobRow
from cpushare.market.errors import BadMessage, Unreachable
from cpushare.market.rasters import HEAD_BYTES, blob_name, read_shape
from cpushare.market.recent import Recent

if TYPE_CHECKING:
    from obstore.store import ObjectStore

NAME = re.compile(r"[0-9a-f]{64}")
LEAST_FREE_BYTES = 256 << 20
"""A disk with less is full: the database, which may lie on it too, goes on."""
RECENT_BYTES = 128 << 20
"""What is kept in memory of what was written or read last."""


class DiskFull(Unreachable):
    """There is no room for more blobs, for now."""

    status = 507


class BlobStore:
    """The blobs of an exchange. `folder` is where they lie, if that is a disk of ours; of that
    `least_free_bytes` stay free.
    """

    def __init__(
        self, store: ObjectStore, folder: Path | None, least_free_bytes: int = LEAST_FREE_BYTES
    ) -> None:
        self._store = store
        self._folder = folder
        self.least_free_bytes = least_free_bytes
        self._recent = Recent(RECENT_BYTES)

    @staticmethod
    def open(url: str, least_free_bytes: int = LEAST_FREE_BYTES) -> BlobStore:
        """The blobs at file:///FOLDER (which is made), s3://BUCKET/PREFIX or memory:///.

        Raises `BadMessage` for another address, `OSError`.
        """
        from obstore.store import LocalStore, from_url

        folder = folder_of(url)
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return BlobStore(LocalStore(folder), folder, least_free_bytes)
        if urlsplit(url).scheme not in ("memory", "s3"):
            raise BadMessage(f"'{url[:100]}' keeps no blobs: file:///FOLDER or s3://BUCKET")
        return BlobStore(from_url(url), None)

    async def get(self, row: BlobRow) -> bytes | None:
        """A blob's bytes, if they are there and whole."""
        return (await self.get_all([row])).get(row.name)

    async def get_all(self, rows: Sequence[BlobRow]) -> dict[str, bytes]:
        """The bytes of some blobs by name, of those that are there and whole."""
        kept = {check_name(row.name): self._recent.get(row.name) for row in rows}
        found = {name: data for name, data in kept.items() if data is not None}
        if len(found) < len(kept):
            others = [row for row in rows if row.name not in found]
            read = await asyncio.to_thread(self._get_all, others)
            self._recent.keep(read)
            found |= read
        return found

    def _get_all(self, rows: Sequence[BlobRow]) -> dict[str, bytes]:
        of_pack = attrgetter("lies_in")
        found: dict[str, bytes] = {}
        for pack, group in groupby(sorted(rows, key=of_pack), of_pack):
            wanted = list(group)
            parts = self._read(pack, wanted)
            found |= {row.name: part for row, part in zip(wanted, parts, strict=False)}
        return {name: data for name, data in found.items() if blob_name(data) == name}

    def _read(self, pack: str, rows: Sequence[BlobRow]) -> list[bytes]:
        """What lies where blobs of a pack should; nothing if there is no such pack.

        All from the first to the last is read at once: who wants one wants its neighbours.
        """
        import obstore
        from obstore.exceptions import GenericError

        place = _place(check_name(pack))
        first = min(row.start for row in rows)
        end = max(row.start + row.size_bytes for row in rows)
        try:
            if first == end:  # obstore reads no range of nothing
                data = b""
            else:
                data = bytes(obstore.get_range(self._store, place, start=first, end=end))
        except FileNotFoundError:
            return []
        except GenericError:  # also: it ends before the range begins
            data = bytes(obstore.get(self._store, place).bytes())[first:end]
        starts = [row.start - first for row in rows]
        return [data[s : s + row.size_bytes] for s, row in zip(starts, rows, strict=True)]

    async def put(self, data: bytes) -> BlobRow:
        """Keep a blob; gives what is to be kept of it. Raises `DiskFull`."""
        return (await self.put_all([data]))[0]

    async def put_all(self, blobs: Sequence[bytes]) -> list[BlobRow]:
        """Keep some blobs, all or none; gives what is to be kept of them. Raises as `put`."""
        rows = await asyncio.to_thread(self._put_all, blobs) if blobs else []
        self._recent.keep({row.name: data for row, data in zip(rows, blobs, strict=True)})
        return rows

    def _put_all(self, blobs: Sequence[bytes]) -> list[BlobRow]:
        self._check_room(sum(map(len, blobs)))
        named = [(blob_name(data), data) for data in blobs]
        different = dict(named)
        rows = {name: describe(name, data) for name, data in different.items()}
        if len(rows) == 1:
            self._write(*named[0])
        else:
            pack = blob_name("".join(rows).encode())
            self._write(pack, b"".join(different.values()))
            starts = accumulate(map(len, different.values()), initial=0)
            for name, start in zip(different, starts, strict=False):
                rows[name] = replace(rows[name], pack=pack, start=start)
        return [rows[name] for name, _ in named]

    def _write(self, name: str, data: bytes) -> None:
        import obstore

        try:
            obstore.put(self._store, _place(name), data, use_multipart=False)
            if self._folder is not None:
                _flush(self._folder / _place(name))
        except Exception as error:  # obstore has no class of its own for a full disk
            if re.search(r"No space left|[Qq]uota exceeded|StorageFull", str(error)):
                raise DiskFull("the exchange's disk is full: try again later") from None
            raise

    def _check_room(self, size_bytes: int) -> None:
        if self._folder is None:
            return
        if shutil.disk_usage(self._folder).free - size_bytes < self.least_free_bytes:
            raise DiskFull("the exchange's disk is full: try again later")

    async def check(self) -> None:
        """Raises whatever keeps blobs from being read or written."""
        await self.get(BlobRow("0" * 64, 0))
        self._check_room(0)


def folder_of(url: str) -> Path | None:
    """The folder that file:///FOLDER names; nothing for other addresses."""
    parts = urlsplit(url)
    is_folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    return Path(unquote(parts.path)) if is_folder else None


def check_name(name: str) -> str:
    """A blob's name. Raises `BadMessage` unless it is 64 hex digits: it becomes a path."""
    if not NAME.fullmatch(name):
        raise BadMessage("a blob's name is its sha256: 64 digits of 0-9 and a-f")
    return name


def describe(name: str, data: bytes) -> BlobRow:
    """What the store keeps of a blob: its shape if it is a whole raster."""
    try:
        shape = read_shape(data[:HEAD_BYTES])
    except BadMessage:
        return BlobRow(name, len(data))
    is_whole = len(data) == HEAD_BYTES + shape.pixel_bytes
    return BlobRow(name, len(data), shape if is_whole else None)


def _place(name: str) -> str:
    return f"{name[:2]}/{name}"


def _flush(path: Path) -> None:
    """Have the disk keep a file, and its folder the entry of it."""
    for place in (path, path.parent):
        fd = os.open(place, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
