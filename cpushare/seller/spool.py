"""Results on disk until the exchange has them: a file for each batch, whole or not there.

A batch is written before it is sent, and deleted when the exchange has said what became of it. So
a seller that is killed sends it when it runs again, and nothing is computed twice. There is no
fsync: what a power cut takes is computed again, by whoever is lent it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from cpushare.market.messages import TaskResult
from cpushare.market.rasters import blob_name

FORMAT = b"CPUShare results 1\n"
HASH_BYTES = 32


class Batch(Struct, frozen=True):
    """Results that are sent together, and the blobs that they name. `pay` is what they earn."""

    results: list[TaskResult]
    blobs: dict[str, bytes]
    pay: dict[int, int]


class Spool:
    """The batches of one worker, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._next = 0

    def files(self) -> list[Path]:
        """What waits, oldest first. Leftovers of a write that was cut off are removed."""
        if not self.folder.is_dir():
            return []
        for half in self.folder.glob(".new-*"):
            half.unlink(missing_ok=True)
        return sorted(self.folder.glob("*.batch"))

    def size_bytes(self) -> int:
        """How much waits."""
        total = 0
        for path in self.folder.glob("*.batch"):
            with contextlib.suppress(OSError):
                total += path.stat().st_size
        return total

    def write(self, batch: Batch) -> Path:
        """Keep a batch. Raises `OSError` if the disk is full; then nothing was written."""
        body = msgspec.msgpack.encode(batch)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._next:
            self._next = max((int(path.stem) for path in self.files()), default=0) + 1
        beside = self.folder / f".new-{self._next}"
        path = self.folder / f"{self._next:012}.batch"
        try:
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with open(fd, "wb") as file:
                file.write(FORMAT + hashlib.sha256(body).digest())
                file.write(body)
            os.replace(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        self._next += 1
        return path

    def read(self, path: Path) -> Batch | None:
        """A batch; a damaged one is deleted, and there is none."""
        try:
            data = path.read_bytes()
        except OSError:
            return None
        start = len(FORMAT) + HASH_BYTES
        body = data[start:]
        try:
            if data[:start] != FORMAT + hashlib.sha256(body).digest():
                raise ValueError
            batch = msgspec.msgpack.decode(body, type=Batch)
            if any(blob_name(blob) != name for name, blob in batch.blobs.items()):
                raise ValueError
        except (msgspec.MsgspecError, ValueError):
            path.unlink(missing_ok=True)
            return None
        return batch

    def forget(self, path: Path) -> None:
        """The exchange has it."""
        path.unlink(missing_ok=True)


def joined(parts: Sequence[tuple[TaskResult, Mapping[str, bytes], int]]) -> Batch:
    """One batch of several results with their blobs and pay."""
    blobs: dict[str, bytes] = {}
    for _, given, _ in parts:
        blobs.update(given)
    return Batch([part[0] for part in parts], blobs, {part[0].lease: part[2] for part in parts})
