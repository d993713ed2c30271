"""The object cache: linked kernels on disk, so that the same program is compiled once.

An entry holds code and constants. What is read back is audited like what comes from the box: a
damaged or planted entry is deleted, and the kernel compiled again. The launcher is never in it.
"""

from __future__ import annotations

from pathlib import Path

from vm.jit.image import CONSTANT_BYTES, TEXT_BYTES, KernelImage
from vm.store import Store, StoreInfo, key_of

FORMAT = b"CPUShare object 1\n"
LENGTH_BYTES = 8
LIMIT_BYTES = 1 << 30
ENTRY_BYTES = LENGTH_BYTES + TEXT_BYTES + CONSTANT_BYTES


class ObjectCache:
    """A cache in a folder, made when first written. One that cannot be used is silently none."""

    def __init__(self, folder: Path | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        if folder is None:
            import platformdirs

            folder = Path(platformdirs.user_cache_dir("cpushare")) / "objects"
        self.folder = folder
        self._store = Store(folder, FORMAT, limit_bytes, ENTRY_BYTES)

    @staticmethod
    def key(*parts: bytes) -> str:
        """The name of the entry that all these parts decide."""
        return key_of(FORMAT, *parts)

    def load(self, key: str) -> KernelImage | None:
        """The entry, if there is a whole one. The caller audits it."""
        body = self._store.load(key)
        if body is None:
            return None
        image = _decode(body)
        if image is None:
            self.forget(key)
        return image

    def store(self, key: str, image: KernelImage) -> None:
        """Write an entry, whole or not at all; failing to is no error."""
        length = len(image.text).to_bytes(LENGTH_BYTES, "little")
        self._store.store(key, length + image.text + image.constants)

    def forget(self, key: str) -> None:
        """Delete an entry."""
        self._store.forget(key)

    def info(self) -> StoreInfo:
        """How much there is."""
        return self._store.info()

    def clear(self) -> StoreInfo:
        """Delete everything; gives what there was."""
        return self._store.clear()


def _decode(body: bytes) -> KernelImage | None:
    length = int.from_bytes(body[:LENGTH_BYTES], "little")
    text, constants = body[LENGTH_BYTES : LENGTH_BYTES + length], body[LENGTH_BYTES + length :]
    whole = len(body) >= LENGTH_BYTES and len(text) == length <= TEXT_BYTES
    return KernelImage(text, constants) if whole and len(constants) <= CONSTANT_BYTES else None
