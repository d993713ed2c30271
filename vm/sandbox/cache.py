"""The object cache: linked kernels on disk, so that the same program is compiled once.

A folder of mode 0700 that belongs to us. An entry is named by the sha256 of all that decides its
content; it holds code and constants, and their hash. What is read back is audited like what comes
from the box: a damaged or planted entry is deleted, and the kernel compiled again. The launcher
is never in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from msgspec import Struct

from vm.jit.image import CONSTANT_BYTES, TEXT_BYTES, KernelImage

FORMAT = b"CPUShare object 1\n"
HASH_BYTES = 32
LIMIT_BYTES = 1 << 30


class CacheInfo(Struct, frozen=True):
    """Where the cache is, how many entries it holds, how many bytes."""

    folder: Path
    entries: int
    size_bytes: int


class ObjectCache:
    """A cache in a folder, made when first written. One that cannot be used is silently none."""

    def __init__(self, folder: Path | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        if folder is None:
            import platformdirs

            folder = Path(platformdirs.user_cache_dir("cpushare")) / "objects"
        self.folder = folder
        self.limit_bytes = limit_bytes

    @staticmethod
    def key(*parts: bytes) -> str:
        """The name of an entry: sha256 over all parts with their lengths."""
        digest = hashlib.sha256(FORMAT)
        for part in parts:
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return digest.hexdigest()

    def _is_ours(self) -> bool:
        try:
            found = os.lstat(self.folder)
        except OSError:
            return False
        private = not found.st_mode & 0o077
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and private

    def load(self, key: str) -> KernelImage | None:
        """The entry, if there is a whole one. The caller audits it."""
        path = self.folder / key
        if not self._is_ours():
            return None
        try:
            data = _read_file(path)
        except OSError:
            return None
        image = _decode(data)
        if image is None:
            self.forget(key)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return image

    def store(self, key: str, image: KernelImage) -> None:
        """Write an entry, whole or not at all; failing to is no error."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours():
                return
            beside = self.folder / f".new-{os.urandom(8).hex()}"
            try:
                with open(beside, "xb", opener=_private) as file:
                    file.write(_encode(image))
                os.replace(beside, self.folder / key)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
            self._trim()

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

    def _trim(self) -> None:
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= self.limit_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size

    def info(self) -> CacheInfo:
        """How much there is."""
        entries = self._entries()
        return CacheInfo(self.folder, len(entries), sum(size for _, size, _ in entries))

    def clear(self) -> CacheInfo:
        """Delete everything; gives what there was."""
        info = self.info()
        for _, _, path in self._entries():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        return info


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read_file(path: Path) -> bytes:
    """A regular file's content; neither a link is followed nor a pipe waited for."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b""
        with open(fd, "rb", closefd=False) as file:
            return file.read(TEXT_BYTES + CONSTANT_BYTES + 1024)
    finally:
        os.close(fd)


def _encode(image: KernelImage) -> bytes:
    body = len(image.text).to_bytes(8, "little") + image.text + image.constants
    return FORMAT + hashlib.sha256(body).digest() + body


def _decode(data: bytes) -> KernelImage | None:
    start = len(FORMAT) + HASH_BYTES
    body = data[start:]
    whole = data.startswith(FORMAT) and len(body) >= 8
    if not whole or hashlib.sha256(body).digest() != data[len(FORMAT) : start]:
        return None
    length = int.from_bytes(body[:8], "little")
    text, constants = body[8 : 8 + length], body[8 + length :]
    if len(text) != length or length > TEXT_BYTES or len(constants) > CONSTANT_BYTES:
        return None
    return KernelImage(text, constants)
