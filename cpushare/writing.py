"""Arrays -> image files, whole or not at all."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from cpushare.files import whole_file
from vm.errors import Refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

# suffix -> (Pillow's format, what it can hold: NumPy type names for gray, then for colour)
FORMATS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    ".png": ("PNG", ("uint8", "uint16"), ("uint8",)),
    ".jpg": ("JPEG", ("uint8",), ("uint8",)),
    ".jpeg": ("JPEG", ("uint8",), ("uint8",)),
    ".tif": ("TIFF", ("uint8", "uint16", "float32"), ("uint8",)),
    ".tiff": ("TIFF", ("uint8", "uint16", "float32"), ("uint8",)),
    ".webp": ("WEBP", (), ("uint8",)),
    ".pgm": ("PPM", ("uint8", "uint16"), ()),
    ".ppm": ("PPM", (), ("uint8",)),
    ".pnm": ("PPM", ("uint8", "uint16"), ("uint8",)),
    ".bmp": ("BMP", ("uint8",), ("uint8",)),
}
OPTIONS: dict[str, dict[str, object]] = {
    "PNG": {"compress_level": 4},  # a third of the time of 6, for a tenth more bytes when dithered
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
}


def fits(suffix: str, image: NDArray[Any]) -> bool:
    """Whether a file of this type can hold these pixels exactly (JPEG: nearly)."""
    if suffix == ".npy":
        return True
    _, gray, colour = FORMATS.get(suffix, ("", (), ()))
    if image.ndim == 2:
        return image.dtype.name in gray
    return image.shape[2] == 3 and image.dtype.name in colour


def natural_suffix(image: NDArray[Any]) -> str:
    """The file type for pixels when nobody names one."""
    return ".png" if fits(".png", image) else ".npy"


def check(path: Path | str, image: NDArray[Any]) -> None:
    """Raise `Refused` if a file of this name cannot hold these pixels."""
    suffix = Path(path).suffix.lower()
    if str(path) == "-" or fits(suffix, image):
        return
    able = [name for name in (*FORMATS, ".npy") if fits(name, image)]
    what = f"{image.dtype.name} pixels" + (
        "" if image.ndim == 2 else f" of {image.shape[2]} channels"
    )
    if suffix not in FORMATS:
        raise Refused(f"'{path}' names no file type; {what} go into {' '.join(able)}")
    raise Refused(f"a {suffix} file cannot hold {what}; these can: {' '.join(able)}")


def write_image(path: Path | str, image: NDArray[Any]) -> None:
    """Write pixels to a file ("-": standard output, PNG or .npy). Raises `Refused`, `OSError`."""
    check(path, image)
    if str(path) == "-":
        encode(sys.stdout.buffer, natural_suffix(image), image)
        sys.stdout.buffer.flush()
        return
    with whole_file(Path(path)) as file:
        encode(file, Path(path).suffix.lower(), image)


def encode(file: BinaryIO, suffix: str, image: NDArray[Any]) -> None:
    """Encode pixels as a file of this type."""
    if suffix == ".npy":
        np.save(file, image, allow_pickle=False)
        return
    from PIL import Image

    name = FORMATS[suffix][0]
    buffer = io.BytesIO()  # Pillow seeks; a pipe cannot
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, name, **OPTIONS.get(name, {}))
    file.write(buffer.getbuffer())
