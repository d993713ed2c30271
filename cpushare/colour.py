"""Colour to gray, and only so: by the `gray` kernel of std.color, run like any other program.

Codecs and libraries disagree about gray (by up to 19 levels); a kernel gives one answer.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from vm.errors import Refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cpushare.program import Program
    from vm.module import Image

CONVERSION = "std.color's gray (0.299 R + 0.587 G + 0.114 B of the coded values)"


@cache
def _program() -> Program:
    from compiler.pipeline import compile_text
    from cpushare.program import Program
    from vm.verifier import verify

    text = (files("stdlib") / "std" / "color.cps").read_text()
    return Program(verify(compile_text(text, "std/color.cps").encoded))


def to_gray(rgb: NDArray[np.uint8], engine: str = "local") -> NDArray[np.uint8]:
    """The gray of an 8-bit RGB picture (h, w, 3)."""
    with _program() as program:
        gray: NDArray[np.uint8] = program.run("gray", engine=engine, src=rgb).dst
        return gray


def fit(
    pixels: NDArray[Any], image: Image, name: str, engine: str
) -> tuple[NDArray[Any], str | None]:
    """Pixels as an in image of a kernel takes them, and what had to be done for it.

    Colour becomes gray, gray becomes colour of three equal channels. Types are never changed.
    Raises `Refused` for what does not fit.
    """
    from vm.inputs import dtype_of

    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if pixels.dtype != dtype_of(image.type):
        raise Refused(
            f"'{image.name}' takes {image.type} pixels; {name} has {pixels.dtype} ones: convert "
            "it, for instance with NumPy, and give it as .npy"
        )
    if channels == image.channels:
        return (pixels[:, :, 0] if pixels.ndim == 3 and channels == 1 else pixels), None
    if (channels, image.channels) == (3, 1) and pixels.dtype == np.uint8:
        return to_gray(pixels, engine), f"{name} is in colour: converted by {CONVERSION}"
    if (channels, image.channels) == (1, 3):
        gray = pixels if pixels.ndim == 2 else pixels[:, :, 0]
        return np.repeat(gray[:, :, np.newaxis], 3, axis=2), f"{name} is gray: three equal channels"
    raise Refused(f"'{image.name}' takes {image.channels} channels; {name} has {channels}")
