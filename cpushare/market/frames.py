"""Many blobs in one message: each as eight bytes of length, little-endian, and its bytes.

Names are not sent: a blob's name is its hash, which whoever receives it computes anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cpushare.market.errors import BadMessage

LENGTH_BYTES = 8


def pack_blobs(blobs: Iterable[bytes]) -> bytes:
    """The frame of some blobs."""
    parts = []
    for blob in blobs:
        parts += [len(blob).to_bytes(LENGTH_BYTES, "little"), blob]
    return b"".join(parts)


def unpack_blobs(frame: bytes) -> Iterator[bytes]:
    """The blobs of a frame. Raises `BadMessage` if it is cut or has too much."""
    place = 0
    while place < len(frame):
        start = place + LENGTH_BYTES
        place = start + int.from_bytes(frame[place:start], "little")
        if start > len(frame) or place > len(frame):
            raise BadMessage("the frame of blobs is cut off")
        yield frame[start:place]
