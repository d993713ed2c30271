"""The pictures of a study: each decoded once, kept as a raster until it has been sent.

Rasters lie in memory up to `MEMORY_BYTES`, beyond that in a temporary file without a name.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cpushare import colour
from cpushare.engines.engine import processors
from cpushare.images import Reading, read_image
from cpushare.market.errors import TooMuch
from cpushare.market.messages import BLOB_BYTES
from cpushare.market.rasters import HEAD_BYTES, RasterShape, blob_name, encode_raster, read_shape
from vm.module import Image, Kernel, Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEMORY_BYTES = 256 << 20
FILES_AT_ONCE = 256
"""Pictures under way at the most, so that Ctrl-C and a broken one end it soon."""


class Pictures:
    """Rasters by the names of their blobs. A context manager; safe to share between threads."""

    def __init__(self) -> None:
        self.shapes: dict[str, RasterShape] = {}
        self._places: dict[str, tuple[int, int]] = {}
        self._file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - closed by close
        self._end = 0
        self._lock = threading.Lock()

    def add(self, pixels: NDArray[Any]) -> str:
        """Keep an image; gives the name of its blob. Raises `OSError` where there is no room."""
        blob = encode_raster(pixels)
        if len(blob) > BLOB_BYTES:
            raise TooMuch(f"an image of {len(blob):,} bytes is more than an exchange takes")
        name = blob_name(blob)
        with self._lock:
            if name in self._places:
                return name
            try:
                self._file.seek(self._end)
                self._file.write(blob)
            except OSError as error:
                raise OSError(
                    error.errno,
                    f"{error.strerror}: the study's images need room in the folder for temporary "
                    "files; TMPDIR names another",
                    tempfile.gettempdir(),
                ) from None
            self._places[name] = self._end, len(blob)
            self._end += len(blob)
            self.shapes[name] = read_shape(blob[:HEAD_BYTES])
        return name

    def blob(self, name: str) -> bytes:
        """An image's blob."""
        start, length = self._places[name]
        with self._lock:
            self._file.seek(start)
            return self._file.read(length)

    def close(self) -> None:
        """Forget all."""
        self._file.close()

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def read_all(
    pictures: Pictures,
    kernel: Kernel,
    files: Sequence[dict[str, str]],
    reading: Reading,
    tell: Callable[[str], None],
    advance: Callable[[], None],
) -> list[dict[str, str]]:
    """Decode every file that is read, once; gives names of blobs in place of files.

    `tell` is given what had to be done for it, as converting colour to gray. Raises what
    `read_image` and `colour.fit` raise, for the first file that cannot be used.
    """
    from vm.sandbox import capability

    engine = "local" if capability.check().is_native else "interpret"
    images = {image.name: image for image in kernel.images_of(Role.IN)}

    def one(wanted: tuple[str, str]) -> str:
        image, file = images[wanted[0]], wanted[1]
        name, said = _read(pictures, image, file, reading, engine)
        if said:
            tell(said)
        return name

    distinct = list(dict.fromkeys(pair for row in files for pair in row.items()))
    blobs: dict[tuple[str, str], str] = {}
    with ThreadPoolExecutor(processors()) as pool:
        for start in range(0, len(distinct), FILES_AT_ONCE):
            some = distinct[start : start + FILES_AT_ONCE]
            for pair, blob in zip(some, pool.map(one, some), strict=True):
                blobs[pair] = blob
                advance()
    return [{name: blobs[name, file] for name, file in row.items()} for row in files]


def _read(
    pictures: Pictures, image: Image, file: str, reading: Reading, engine: str
) -> tuple[str, str | None]:
    pixels, said = colour.fit(read_image(file, reading), image, file, engine)
    return pictures.add(pixels), said
