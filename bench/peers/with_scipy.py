"""SciPy."""

from __future__ import annotations

import numpy as np
import scipy
from scipy import ndimage, signal

from bench.peers import tables

VERSION = scipy.__version__


def _gaussian(src):
    k = tables.gaussian()

    def run():
        light = src.astype(np.float32) / np.float32(255)
        along = ndimage.correlate1d(light, k, axis=1, mode="reflect")
        return ndimage.correlate1d(along, k, axis=0, mode="reflect")

    return run


def _sobel(src):
    def run():
        levels = src.astype(np.float32)
        across = ndimage.sobel(levels, axis=1, mode="nearest")
        down = ndimage.sobel(levels, axis=0, mode="nearest")
        return np.minimum(np.sqrt(across * across + down * down), 255).astype(np.uint8)

    return run


def _median(src):
    return lambda: ndimage.median_filter(src, size=3, mode="nearest")


def _recursive(src):
    give, feed = np.array([0.25], np.float32), np.array([1, -0.75], np.float32)

    def run():
        levels = src.astype(np.float32)
        return signal.lfilter(give, feed, levels, axis=1, zi=levels[:, :1] * np.float32(0.75))[0]

    return run


WORKS = {"gaussian": _gaussian, "sobel": _sobel, "median": _median, "recursive": _recursive}
