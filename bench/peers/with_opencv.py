"""OpenCV, on one thread."""

from __future__ import annotations

import cv2
import numpy as np

from bench.peers import tables

VERSION = cv2.__version__
cv2.setNumThreads(1)


def _gaussian(src):
    k = tables.gaussian()
    return lambda: cv2.sepFilter2D(src, cv2.CV_32F, k / 255, k, borderType=cv2.BORDER_REFLECT)


def _sobel(src):
    def run():
        across = cv2.Sobel(src, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REPLICATE)
        down = cv2.Sobel(src, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REPLICATE)
        return cv2.convertScaleAbs(cv2.magnitude(across, down))

    return run


def _bayer(src):
    mask, dst = tables.bayer(src.shape[1], src.shape[0]), np.zeros_like(src)
    return lambda: cv2.compare(src, mask, cv2.CMP_GT, dst)


def _linear(src):
    table, dst = tables.light(), np.zeros(src.shape, np.float32)
    return lambda: cv2.LUT(src, table, dst)


def _median(src):
    dst = np.zeros_like(src)
    return lambda: cv2.medianBlur(src, 3, dst)


WORKS = {
    "gaussian": _gaussian,
    "sobel": _sobel,
    "median": _median,
    "bayer": _bayer,
    "linear": _linear,
}
