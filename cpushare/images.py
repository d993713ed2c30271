"""Image files -> arrays. What a file says is not believed before it is checked.

The format is told by the first bytes, from a short list; the size is held against a limit before
anything is decoded; nothing is converted behind one's back. Files without a good reading are
refused with a way out.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from vm.errors import OverLimit, Refused

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image as Pillow

MOST_PIXELS = 100_000_000
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pnm", ".pbm")
READABLE = (*SUFFIXES, ".bmp", ".npy")
MAGIC: list[tuple[bytes, str]] = [
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"BM", "BMP"),
    (b"\x93NUMPY", "NPY"),
    *[(b"P%d" % kind, "PPM") for kind in range(1, 7)],
]
HEAD_BYTES = 512
DEEP_HELP = "write it as .npy, or with 8 bits a channel"


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read: the pixel limit, EXIF rotation, what lies behind transparency."""

    most_pixels: int = MOST_PIXELS
    rotate: bool = True
    background: tuple[int, int, int] | None = None


def read_image(path: Path | str, reading: Reading = Reading()) -> NDArray[Any]:
    """The pixels of a file ("-": standard input): (h, w) or (h, w, channels).

    "#rrggbb,#rrggbb" is no file, but a row of colours: a palette.

    Raises `Refused` for what cannot be read as it is, `OverLimit` for what is too large, `OSError`.
    """
    import sys

    if str(path).startswith("#"):
        return _row_of_colours(str(path))
    if str(path) == "-":
        return decode(io.BytesIO(sys.stdin.buffer.read()), "standard input", reading)
    with Path(path).open("rb") as file:
        return decode(file, str(path), reading)


def _row_of_colours(text: str) -> NDArray[Any]:
    colours = text.split(",")
    if not all(re.fullmatch("#[0-9a-fA-F]{6}", colour) for colour in colours):
        raise Refused(f"colours are written '#rrggbb,#rrggbb', not '{text[:40]}'")
    return np.array([[[*bytes.fromhex(colour[1:])] for colour in colours]], np.uint8)


def format_of(head: bytes) -> str | None:
    """The format that a file's first bytes say."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return next((name for magic, name in MAGIC if head.startswith(magic)), None)


def decode(file: BinaryIO, name: str, reading: Reading) -> NDArray[Any]:
    """The pixels of an open file; `name` is for messages."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    kind = format_of(head)
    if kind is None:
        raise Refused(f"{name} is no PNG, JPEG, TIFF, WebP, PNM, BMP or .npy file")
    if kind == "NPY":
        return _read_npy(file, name, reading)
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # ours is checked below, before anything is decoded
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file, formats=[kind]) as picture:
                _check_size(name, picture.size[0] * picture.size[1], reading)
                _refuse_deep_colour(picture, head, name)
                return _pixels(picture, name, reading)
    except (Refused, OverLimit):
        raise
    except Exception as error:  # Pillow's readers end damaged files in errors of any kind
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise Refused(f"{name} is a damaged {kind} file ({error})") from None


def _check_size(name: str, pixels: int, reading: Reading) -> None:
    if pixels > reading.most_pixels:
        raise OverLimit(
            f"{name} has {pixels:,} pixels", f"{reading.most_pixels:,}; --max-pixels raises it"
        )


def _refuse_deep_colour(picture: Pillow.Image, head: bytes, name: str) -> None:
    """Pillow cuts 16 bits a channel to 8 without a word: say so instead."""
    deep = False
    if picture.format == "PNG":
        depth, colour = head[24], head[25]
        deep = depth == 16 and colour in (2, 4, 6)
    elif picture.format == "TIFF":
        bits = getattr(picture, "tag_v2", {}).get(258, (8,))
        bits = bits if isinstance(bits, tuple) else (bits,)
        deep = len(bits) > 1 and max(bits) > 8
    elif picture.format == "PPM" and picture.mode == "RGB":
        deep = _ppm_maximum(head) > 255
    if deep:
        raise Refused(f"{name} has 16 bits a channel, which would be cut to 8: {DEEP_HELP}")


def _ppm_maximum(head: bytes) -> int:
    """The greatest value that a PNM header announces: its fourth word, comments left out."""
    words = b" ".join(line.split(b"#")[0] for line in head.split(b"\n")).split()
    return int(words[3]) if len(words) > 3 and words[3].isdigit() else 255


def _pixels(picture: Pillow.Image, name: str, reading: Reading) -> NDArray[Any]:
    from PIL import ImageOps

    if reading.rotate:
        ImageOps.exif_transpose(picture, in_place=True)
    elif picture.format == "TIFF":
        picture = _turned_back(picture)
    if picture.mode == "P":
        opaque = "transparency" not in picture.info
        picture = picture.convert("RGB" if opaque else "RGBA")
    elif picture.mode in ("L", "RGB") and "transparency" in picture.info:
        picture = picture.convert("RGBA" if picture.mode == "RGB" else "LA")
    handler = MODES.get(picture.mode)
    if handler is None:
        raise Refused(
            f"{name} has {picture.mode} pixels, which have no single reading: convert it to RGB"
        )
    return handler(picture, name, reading)


def _turned_back(picture: Pillow.Image) -> Pillow.Image:
    """A TIFF as it is stored: Pillow turns such files by itself when it loads them."""
    from PIL import ExifTags, Image

    turn = Image.Transpose
    undo = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_90,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_270,
    }
    orientation = picture.getexif().get(ExifTags.Base.Orientation)
    picture.load()
    return picture.transpose(undo[orientation]) if orientation in undo else picture


def _plain(picture: Pillow.Image, name: str, reading: Reading) -> NDArray[Any]:
    return np.array(picture)


def _wide(picture: Pillow.Image, name: str, reading: Reading) -> NDArray[Any]:
    """16-bit gray, which Pillow may hold in 32 bits."""
    values = np.array(picture)
    if values.min(initial=0) < 0 or values.max(initial=0) > 0xFFFF:
        return values.astype(np.int32)
    return values.astype(np.uint16)


def _with_alpha(picture: Pillow.Image, name: str, reading: Reading) -> NDArray[Any]:
    values = np.array(picture)
    alpha = values[:, :, -1]
    colours = values[:, :, :-1]
    if (alpha == 255).all():
        chosen = colours
    elif reading.background is None:
        raise Refused(f"{name} is transparent in places: say what lies behind, --background white")
    else:
        behind = np.array(reading.background[-colours.shape[2] :], np.uint32)
        weight = alpha[:, :, np.newaxis].astype(np.uint32)
        mixed = colours.astype(np.uint32) * weight + behind * (255 - weight)
        chosen = ((mixed + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(chosen[:, :, 0] if chosen.shape[2] == 1 else chosen)


def _bilevel(picture: Pillow.Image, name: str, reading: Reading) -> NDArray[Any]:
    return np.array(picture.convert("L"))


MODES: dict[str, Callable[[Any, str, Reading], NDArray[Any]]] = {
    "L": _plain,
    "RGB": _plain,
    "F": _plain,
    "I;16": _plain,
    "I;16B": _wide,
    "I;16L": _plain,
    "I": _wide,
    "RGBA": _with_alpha,
    "LA": _with_alpha,
    "1": _bilevel,
}


def _read_npy(file: BinaryIO, name: str, reading: Reading) -> NDArray[Any]:
    """A NumPy file; never one with pickled objects in it."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if dtype.hasobject or dtype.kind not in "uif" or dtype.itemsize > 8:
            raise Refused(f"{name} holds {dtype}, which is no pixel type")
        if len(shape) not in (2, 3):
            raise Refused(f"{name} holds an array {shape}; an image is (h, w) or (h, w, channels)")
        _check_size(name, shape[0] * shape[1], reading)
        file.seek(0)
        values: NDArray[Any] = np.load(file, allow_pickle=False)
    except (Refused, OverLimit):
        raise
    except Exception as error:  # NumPy's reader ends bad headers in whatever its tokenizer raises
        raise Refused(f"{name} is a damaged .npy file ({error})") from None
    return np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
