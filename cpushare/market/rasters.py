"""Images as blobs: one canonical byte string for each image, so that equal bits have one name.

A raster is NumPy's .npy format, version 1.0, of an array (height, width, channels) in C order and
little-endian. A blob's name is the sha256 of its bytes, in hex. The header is read by a reader of
our own that admits this one form and no other: what comes from strangers is never evaluated.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from cpushare.market.errors import BadMessage
from vm.inputs import DTYPES
from vm.types import ScalarType

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"\x93NUMPY\x01\x00"
ALIGN_BYTES = 64
HEAD_BYTES = 128
"""The whole header, padded; three extents of any size fit."""
MOST_EXTENT = (1 << 31) - 1
_DICT = re.compile(
    r"\{'descr': '([|<][a-z]\d)', 'fortran_order': False, 'shape': "
    r"\(([1-9]\d{0,9}), ([1-9]\d{0,9}), ([1-9]\d{0,9})\), \} *\n"
)
_TYPES = {name: scalar for scalar, name in DTYPES.items()}


class RasterShape(Struct, frozen=True):
    """What a raster's header says."""

    type: ScalarType
    height: int
    width: int
    channels: int

    @property
    def pixel_bytes(self) -> int:
        """The bytes that follow the header."""
        return self.height * self.width * self.channels * self.type.size_bytes


def blob_name(data: bytes | memoryview) -> str:
    """The name of a blob: its sha256 in hex."""
    return hashlib.sha256(data).hexdigest()


def _header(shape: RasterShape) -> bytes:
    text = (
        f"{{'descr': '{DTYPES[shape.type]}', 'fortran_order': False, "
        f"'shape': ({shape.height}, {shape.width}, {shape.channels}), }}"
    )
    room = HEAD_BYTES - len(MAGIC) - 2
    return MAGIC + room.to_bytes(2, "little") + text.encode().ljust(room - 1) + b"\n"


def encode_raster(pixels: NDArray[Any]) -> bytes:
    """The blob of an array (height, width) or (height, width, channels).

    Raises `BadMessage` for an array that is no image.
    """
    import numpy as np

    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    name = pixels.dtype.newbyteorder("<").str
    if pixels.ndim != 3 or name not in _TYPES or 0 in pixels.shape:
        raise BadMessage(f"an array of {pixels.dtype} {pixels.shape} is no image")
    height, width, channels = pixels.shape
    head = _header(RasterShape(_TYPES[name], height, width, channels))
    return head + np.ascontiguousarray(pixels, name).tobytes()


def read_shape(head: bytes) -> RasterShape:
    """What a blob's first `HEAD_BYTES` say. Raises `BadMessage` for what is no raster."""
    text = head[len(MAGIC) + 2 : HEAD_BYTES].decode("latin-1")
    found = _DICT.fullmatch(text)
    if not head.startswith(MAGIC) or found is None or found[1] not in _TYPES:
        raise BadMessage("the blob is no raster")
    height, width, channels = int(found[2]), int(found[3]), int(found[4])
    shape = RasterShape(_TYPES[found[1]], height, width, channels)
    if max(height, width, channels) > MOST_EXTENT or head[:HEAD_BYTES] != _header(shape):
        raise BadMessage("the blob is no raster in canonical form")
    return shape


def decode_raster(data: bytes) -> NDArray[Any]:
    """The array of a blob: (height, width), or (height, width, channels) if there are several.

    Raises `BadMessage`. Every bool must be 0 or 1.
    """
    import numpy as np

    shape = read_shape(data)
    if len(data) != HEAD_BYTES + shape.pixel_bytes:
        raise BadMessage("the raster has another length than its header says")
    pixels = np.frombuffer(bytearray(data[HEAD_BYTES:]), DTYPES[shape.type])
    if shape.type is ScalarType.BOOL and pixels.size and pixels.view(np.uint8).max() > 1:
        raise BadMessage("a bool of the raster is neither 0 nor 1")
    whole = pixels.reshape(shape.height, shape.width, shape.channels)
    return whole[:, :, 0] if shape.channels == 1 else whole
