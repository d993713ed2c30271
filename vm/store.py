"""A private folder of small files, each with its hash: what caches on disk are made of.

The folder has mode 0700 and belongs to us, or it is not used. An entry is named by the sha256 of
all that decides its content, is written whole or not at all, and holds its own hash: a damaged one
is deleted, and there is none. Beyond its size in bytes, the entries used longest ago go first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from msgspec import Struct

HASH_BYTES = 32
SCAN_SHARE = 64  # the folder is looked through when this share of its limit has been written


class StoreInfo(Struct, frozen=True):
    """Where a store is, how many entries it holds, how many bytes."""

    folder: Path
    entries: int
    size_bytes: int


def key_of(format: bytes, *parts: bytes | memoryview) -> str:
    """The name of an entry: sha256 over all parts with their lengths, in hex."""
    digest = hashlib.sha256(format)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


class Store:
    """A store in a folder, made when first written. One that cannot be used is silently empty.

    `format` is the first line of every entry. Entries larger than
    `entry_bytes` are neither written nor read.
    """

    def __init__(self, folder: Path, format: bytes, limit_bytes: int, entry_bytes: int) -> None:
        self.folder = folder
        self.format = format
        self.limit_bytes = limit_bytes
        self.entry_bytes = entry_bytes
        self._unseen_bytes = limit_bytes  # written, maybe by others, since the folder was scanned

    def _is_ours(self) -> bool:
        try:
            found = os.lstat(self.folder)
        except OSError:
            return False
        private = not found.st_mode & 0o077
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and private

    def load(self, key: str) -> bytes | None:
        """The content of an entry, if there is a whole one."""
        if not self._is_ours():
            return None
        path = self.folder / key
        try:
            data = _read_file(path, len(self.format) + HASH_BYTES + self.entry_bytes)
        except OSError:
            return None
        start = len(self.format) + HASH_BYTES
        body = data[start:]
        whole = data.startswith(self.format)
        if not whole or hashlib.sha256(body).digest() != data[len(self.format) : start]:
            self.forget(key)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return body

    def store(self, key: str, body: bytes) -> None:
        """Write an entry, whole or not at all; failing to is no error."""
        if len(body) > min(self.entry_bytes, self.limit_bytes):
            return
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours():
                return
            beside = self.folder / f".new-{os.urandom(8).hex()}"
            try:
                with open(beside, "xb", opener=_private) as file:
                    file.write(self.format + hashlib.sha256(body).digest())
                    file.write(body)
                os.replace(beside, self.folder / key)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
            self._trim(len(body))

    def forget(self, key: str) -> None:
        """Delete an entry."""
        with contextlib.suppress(OSError):
            (self.folder / key).unlink()

    def _entries(self) -> list[tuple[float, int, Path]]:
        """(last use, size, path) of every entry."""
        if not self._is_ours():
            return []
        found = []
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                status = path.lstat()
                found.append((status.st_mtime, status.st_size, path))
        return found

    def _trim(self, written_bytes: int) -> None:
        self._unseen_bytes += written_bytes
        if self._unseen_bytes < self.limit_bytes // SCAN_SHARE:
            return
        self._unseen_bytes = 0
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= self.limit_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size

    def info(self) -> StoreInfo:
        """How much there is."""
        entries = self._entries()
        return StoreInfo(self.folder, len(entries), sum(size for _, size, _ in entries))

    def clear(self) -> StoreInfo:
        """Delete everything; gives what there was."""
        info = self.info()
        for _, _, path in self._entries():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        return info


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read_file(path: Path, most_bytes: int) -> bytes:
    """A regular file's content; neither a link is followed nor a pipe waited for."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b""
        with open(fd, "rb", closefd=False) as file:
            return file.read(most_bytes)
    finally:
        os.close(fd)
