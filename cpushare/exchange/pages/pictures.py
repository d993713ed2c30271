"""Output rasters as small PNG pictures, within hard bounds of size, memory and time.

A raster is read only if it has at most `MOST_BYTES`; of a large one every n-th line and column is
looked at, so that what is scaled has at most `MOST_LOOKED` pixels a side. Floats are shown from 0
to 1 if they lie there, other than bytes from their least to their greatest value.
"""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

from cpushare.exchange.pages.kept import Kept
from cpushare.exchange.service import World
from cpushare.exchange.store import BlobRow
from cpushare.market.errors import BadMessage, Missing
from cpushare.market.rasters import RasterShape, decode_raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BYTES = 32 << 20
MOST_LOOKED = 2048
SIDE = 320
"""The longer side of a picture, in pixels, at the most."""
SMALL = 96
"""A raster whose longer side is shorter is enlarged, by a whole number, so that it can be seen."""
AT_ONCE = 2
KEPT_S = 600.0
MOST_KEPT = 256


def size_of(shape: RasterShape) -> tuple[int, int]:
    """Width and height of a raster's picture."""
    longest = max(shape.width, shape.height)
    if longest < SMALL:
        factor = SMALL * 2 // longest
        return shape.width * factor, shape.height * factor
    scale = min(1.0, SIDE / longest)
    return max(1, round(shape.width * scale)), max(1, round(shape.height * scale))


def is_small_enough(row: BlobRow) -> bool:
    """Whether a blob is a raster that a picture is made of."""
    return row.shape is not None and row.size_bytes <= MOST_BYTES


def _levels(pixels: NDArray[Any]) -> NDArray[Any]:
    """Pixels of any type as levels from 0 to 255."""
    import numpy as np

    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    values = pixels.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if pixels.dtype.kind == "f" and low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    scale = 255.0 / (high - low) if high > low else 0.0
    clipped = np.clip(np.nan_to_num(values, nan=low, posinf=high, neginf=low), low, high)
    return np.rint((clipped - low) * scale).astype(np.uint8)


def draw(data: bytes, shape: RasterShape) -> bytes:
    """The PNG of a raster blob. Raises `BadMessage`."""
    import numpy as np
    from PIL import Image

    pixels = decode_raster(data)
    step = -(-max(shape.width, shape.height) // MOST_LOOKED)
    levels = _levels(pixels[::step, ::step])
    if levels.ndim == 3 and levels.shape[2] != 3:
        levels = levels[:, :, 0]
    size = size_of(shape)
    grows = size[0] >= shape.width and size[1] >= shape.height
    resampling = Image.Resampling.NEAREST if grows else Image.Resampling.BOX
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(levels)).resize(size, resampling).save(file, "PNG")
    return file.getvalue()


class Pictures:
    """Pictures of blobs: a few are made at a time, and those made are kept for a while."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: Kept[bytes] = Kept(world.now, KEPT_S, MOST_KEPT)
        self._room = asyncio.Semaphore(AT_ONCE)

    async def get(self, row: BlobRow) -> bytes:
        """The PNG of a raster. Raises `Missing` if there is none, or it is too large."""
        if row.shape is None or not is_small_enough(row):
            raise Missing("the raster is too large for a picture: fetch it with 'cpushare results'")
        shape = row.shape

        async def make() -> bytes:
            async with self._room:
                (data,) = await self._world.read([row.name], {row.name: row})
                try:
                    return await asyncio.to_thread(draw, data, shape)
                except BadMessage as error:
                    raise Missing(str(error)) from None

        return await self._kept.get(row.name, make)
