"""Pillow. Its Floyd-Steinberg rounds otherwise than ours."""

from __future__ import annotations

import PIL
from PIL import Image, ImageFilter

VERSION = PIL.__version__


def _raster(src):
    image = Image.fromarray(src)
    return lambda: image.convert("1")


def _median(src):
    image = Image.fromarray(src)
    return lambda: image.filter(ImageFilter.MedianFilter(3))


WORKS = {"raster": _raster, "median": _median}
