"""numba: the loops of bench/c in Python, compiled by LLVM for this machine."""

from __future__ import annotations

import math

import numba
import numpy as np

from bench.peers import tables

VERSION = numba.__version__


@numba.njit
def raster(src, dst, rows):
    h, w = src.shape
    rows[:] = 0
    for y in range(h):
        above, here = rows[y & 1], rows[1 - (y & 1)]
        before = numba.int32(0)
        for x in range(w):
            total = 3 * above[x + 2] + 5 * above[x + 1] + above[x] + 8
            want = src[y, x] + ((total + 7 * before) >> 4)
            got = 255 if want >= 128 else 0
            before = numba.int32(want - got)
            dst[y, x] = got
            here[x + 1] = before


@numba.njit
def serpentine(src, dst, rows):
    h, w = src.shape
    rows[:] = 0
    for y in range(h):
        above, here = rows[y & 1], rows[1 - (y & 1)]
        d = -1 if y & 1 else 1
        before = numba.int32(0)
        for k in range(w):
            x = k if d > 0 else w - 1 - k
            total = above[x + 1 + d] + 5 * above[x + 1] + 3 * above[x + 1 - d] + 8
            want = src[y, x] + ((total + 7 * before) >> 4)
            got = 255 if want >= 128 else 0
            before = numba.int32(want - got)
            dst[y, x] = got
            here[x + 1] = before


@numba.njit
def raster_f32(src, dst, rows):
    h, w = src.shape
    rows[:] = 0
    a, b, c, d = np.float32(7 / 16), np.float32(3 / 16), np.float32(5 / 16), np.float32(1 / 16)
    for y in range(h):
        above, here = rows[y & 1], rows[1 - (y & 1)]
        before = np.float32(0)
        for x in range(w):
            early = above[x] * d + above[x + 1] * c + above[x + 2] * b
            want = np.float32(src[y, x]) + (early + before * a)
            white = want >= np.float32(128)
            before = want - np.float32(255) if white else want
            dst[y, x] = 255 if white else 0
            here[x + 1] = before


@numba.njit
def jarvis(src, dst, ring):
    h, w = src.shape
    ring[:] = 0
    for y in range(h):
        here, one, two = ring[y % 3], ring[(y + 2) % 3], ring[(y + 1) % 3]
        before, earlier = numba.int32(0), numba.int32(0)
        for x in range(w):
            total = 24 + two[x] + 3 * two[x + 1] + 5 * two[x + 2] + 3 * two[x + 3] + two[x + 4]
            total += 3 * one[x] + 5 * one[x + 1] + 7 * one[x + 2] + 5 * one[x + 3] + 3 * one[x + 4]
            want = src[y, x] + (total + 5 * earlier + 7 * before) // 48
            got = 255 if want >= 128 else 0
            earlier = before
            before = numba.int32(want - got)
            dst[y, x] = got
            here[x + 2] = before


@numba.njit
def recursive(src, dst):
    h, w = src.shape
    keep = np.float32(0.75)
    give = np.float32(1) - keep
    for y in range(h):
        before = np.float32(src[y, 0])
        for x in range(w):
            before = np.float32(src[y, x]) * give + before * keep
            dst[y, x] = before


@numba.njit
def mirror(i, n):
    place = i % (2 * n)
    return place if place < n else 2 * n - 1 - place


@numba.njit
def gaussian(src, dst, padded, plane, k):
    h, w = src.shape
    for y in range(h):
        for x in range(w):
            padded[x + 5] = np.float32(src[y, x]) / np.float32(255)
        for x in range(1, 6):
            padded[5 - x] = padded[5 + mirror(-x, w)]
            padded[4 + w + x] = padded[5 + mirror(w - 1 + x, w)]
        for x in range(w):
            total = padded[x] * k[0]
            for i in range(1, 11):
                total += padded[x + i] * k[i]
            plane[y, x] = total
    for y in range(h):
        for x in range(w):
            dst[y, x] = plane[mirror(y - 5, h), x] * k[0]
        for i in range(1, 11):
            row = mirror(y + i - 5, h)
            for x in range(w):
                dst[y, x] += plane[row, x] * k[i]


@numba.njit
def sobel(src, dst):
    h, w = src.shape
    for y in range(h):
        a, b, c = src[max(y - 1, 0)], src[y], src[min(y + 1, h - 1)]
        for x in range(w):
            p, n = max(x - 1, 0), min(x + 1, w - 1)
            gx = np.int32(a[n]) + 2 * np.int32(b[n]) + c[n] - a[p] - 2 * np.int32(b[p]) - c[p]
            gy = np.int32(c[p]) + 2 * np.int32(c[x]) + c[n] - a[p] - 2 * np.int32(a[x]) - a[n]
            root = np.int32(math.sqrt(np.float32(gx * gx + gy * gy)))
            dst[y, x] = min(root, 255)


@numba.njit
def median(src, dst, low, mid, high):
    h, w = src.shape
    for y in range(h):
        a, b, c = src[max(y - 1, 0)], src[y], src[min(y + 1, h - 1)]
        for x in range(w):
            less, more = min(a[x], b[x]), max(a[x], b[x])
            low[x + 1] = min(less, c[x])
            mid[x + 1] = max(less, min(more, c[x]))
            high[x + 1] = max(more, c[x])
        low[0], mid[0], high[0] = low[1], mid[1], high[1]
        low[w + 1], mid[w + 1], high[w + 1] = low[w], mid[w], high[w]
        for x in range(w):
            p = max(max(low[x], low[x + 1]), low[x + 2])
            q = max(min(mid[x], mid[x + 1]), min(max(mid[x], mid[x + 1]), mid[x + 2]))
            r = min(min(high[x], high[x + 1]), high[x + 2])
            dst[y, x] = max(min(p, q), min(max(p, q), r))


@numba.njit
def bayer(src, dst, mask):
    h, w = src.shape
    for y in range(h):
        for x in range(w):
            dst[y, x] = 255 if src[y, x] > mask[y, x] else 0


@numba.njit
def linear(src, dst, table):
    for i in range(src.size):
        dst[i] = table[src[i]]


@numba.njit
def to_float(src, dst):
    h, w = src.shape
    for y in range(h):
        for x in range(w):
            dst[y, x] = np.float32(src[y, x])


def _work(function, scalar=np.uint8, more=lambda src: ()):
    """A work: room for the result, and what else the function is given."""

    def prepare(src):
        dst, rest = np.zeros(src.shape, scalar), more(src)

        def run():
            function(src, dst, *rest)
            return dst

        return run

    return prepare


def _linear(src):
    flat, table = src.reshape(-1), tables.light()
    dst = np.zeros(flat.size, np.float32)

    def run():
        linear(flat, dst, table)
        return dst

    return run


def _errors(rows, margin, scalar):
    return lambda src: (np.zeros((rows, src.shape[1] + margin), scalar),)


def _gaussian_room(src):
    padded = np.zeros(src.shape[1] + 10, np.float32)
    return padded, np.zeros(src.shape, np.float32), tables.gaussian()


def _median_room(src):
    return tuple(np.zeros(src.shape[1] + 2, np.uint8) for _ in range(3))


WORKS = {
    "raster": _work(raster, more=_errors(2, 2, np.int32)),
    "serpentine": _work(serpentine, more=_errors(2, 2, np.int32)),
    "raster_f32": _work(raster_f32, more=_errors(2, 2, np.float32)),
    "jarvis": _work(jarvis, more=_errors(3, 4, np.int32)),
    "recursive": _work(recursive, np.float32),
    "gaussian": _work(gaussian, np.float32, _gaussian_room),
    "sobel": _work(sobel),
    "median": _work(median, more=_median_room),
    "bayer": _work(bayer, more=lambda src: (tables.bayer(src.shape[1], src.shape[0]),)),
    "linear": _linear,
    "to_float": _work(to_float, np.float32),
}
