"""NumPy alone."""

from __future__ import annotations

import numpy as np

from bench.peers import tables

VERSION = np.__version__


def _bayer(src):
    mask = tables.bayer(src.shape[1], src.shape[0])
    return lambda: (src > mask).view(np.uint8) * np.uint8(255)


def _linear(src):
    table, dst = tables.light(), np.zeros(src.shape, np.float32)
    return lambda: np.take(table, src, out=dst, mode="clip")


def _to_float(src):
    dst = np.zeros(src.shape, np.float32)

    def run():
        np.copyto(dst, src)
        return dst

    return run


WORKS = {"bayer": _bayer, "linear": _linear, "to_float": _to_float}
