"""Halide: its own schedules for one core, vectorised for this machine."""

from __future__ import annotations

from importlib.metadata import version

import halide as hl
import numpy as np

from bench.peers import tables

VERSION = version("halide")
LANES = 32


def _compiled(function, shape, scalar=np.uint8, table=None):
    """A function without arguments that realises into the same array again and again.

    It keeps the table alive, which Halide does not. Pictures are at least 64 x 64.
    """
    function.compile_jit()
    made = np.zeros(shape, scalar)
    room = hl.Buffer(made)

    def run(kept=table):
        function.realize(room)
        return made

    return run


def _raster(src):
    height, width = src.shape
    x, y, state, dst = hl.Var("x"), hl.Var("y"), hl.Func("state"), hl.Func("dst")
    given = hl.Buffer(src)
    state[x, y] = (hl.i32(0), hl.u8(0))
    at = hl.RDom([(0, width), (0, height)])
    px, py = at.x, at.y
    total = state[px - 1, py - 1][0] + 5 * state[px, py - 1][0] + 3 * state[px + 1, py - 1][0]
    total = total + 7 * state[px - 1, py][0] + 8
    want = hl.i32(given[px, py]) + (total >> 4)
    white = want >= 128
    state[px, py] = (want - hl.select(white, 255, 0), hl.select(white, hl.u8(255), hl.u8(0)))
    state.compute_root()
    dst[x, y] = state[x, y][1]
    dst.vectorize(x, LANES)
    return _compiled(dst, src.shape)


def _gaussian(src):
    x, y, inner, k = hl.Var("x"), hl.Var("y"), hl.Var("inner"), tables.gaussian()
    light, along, dst = hl.Func("light"), hl.Func("along"), hl.Func("dst")
    given = hl.BoundaryConditions.mirror_image(hl.Buffer(src))
    light[x, y] = hl.f32(given[x, y]) / hl.f32(255)
    along[x, y] = _sum(light[x + i - 5, y] * hl.f32(float(k[i])) for i in range(11))
    dst[x, y] = _sum(along[x, y + i - 5] * hl.f32(float(k[i])) for i in range(11))
    dst.split(y, y, inner, 64).vectorize(x, 16)
    along.compute_at(dst, inner).store_at(dst, y).vectorize(x, 16)
    light.compute_at(along, y).vectorize(x, 16)
    return _compiled(dst, src.shape, np.float32)


def _sum(terms):
    total = None
    for term in terms:
        total = term if total is None else total + term
    return total


def _sobel(src):
    x, y, dst = hl.Var("x"), hl.Var("y"), hl.Func("dst")
    edge = hl.BoundaryConditions.repeat_edge(hl.Buffer(src))

    def p(dx, dy):
        return hl.i16(edge[x + dx, y + dy])

    gx = p(1, -1) + 2 * p(1, 0) + p(1, 1) - p(-1, -1) - 2 * p(-1, 0) - p(-1, 1)
    gy = p(-1, 1) + 2 * p(0, 1) + p(1, 1) - p(-1, -1) - 2 * p(0, -1) - p(1, -1)
    square = hl.i32(gx) * hl.i32(gx) + hl.i32(gy) * hl.i32(gy)
    dst[x, y] = hl.u8(hl.min(hl.i32(hl.sqrt(hl.f32(square))), 255))
    dst.vectorize(x, LANES)
    return _compiled(dst, src.shape)


def _median(src):
    x, y, dst = hl.Var("x"), hl.Var("y"), hl.Func("dst")
    low, mid, high = hl.Func("low"), hl.Func("mid"), hl.Func("high")
    edge = hl.BoundaryConditions.repeat_edge(hl.Buffer(src))
    a, b, c = (edge[x, y + dy] for dy in (-1, 0, 1))
    low[x, y] = hl.min(a, hl.min(b, c))
    mid[x, y] = _middle(a, b, c)
    high[x, y] = hl.max(a, hl.max(b, c))
    greatest = hl.max(low[x - 1, y], hl.max(low[x, y], low[x + 1, y]))
    least = hl.min(high[x - 1, y], hl.min(high[x, y], high[x + 1, y]))
    dst[x, y] = _middle(greatest, _middle(mid[x - 1, y], mid[x, y], mid[x + 1, y]), least)
    dst.vectorize(x, 2 * LANES)
    return _compiled(dst, src.shape)


def _middle(a, b, c):
    return hl.max(hl.min(a, b), hl.min(hl.max(a, b), c))


def _bayer(src):
    x, y, dst = hl.Var("x"), hl.Var("y"), hl.Func("dst")
    table = tables.bayer(src.shape[1], 8)
    given, lines = hl.Buffer(src), hl.Buffer(table)
    dst[x, y] = hl.select(given[x, y] > lines[x, y % 8], hl.u8(255), hl.u8(0))
    dst.vectorize(x, 2 * LANES)
    return _compiled(dst, src.shape, table=table)


def _linear(src):
    flat = np.ascontiguousarray(src.reshape(src.shape[0], -1))
    x, y, dst = hl.Var("x"), hl.Var("y"), hl.Func("dst")
    table = tables.light()
    given, known = hl.Buffer(flat), hl.Buffer(table)
    dst[x, y] = known[hl.i32(given[x, y])]
    dst.vectorize(x, 16)
    return _compiled(dst, flat.shape, np.float32, table)


def _to_float(src):
    x, y, dst = hl.Var("x"), hl.Var("y"), hl.Func("dst")
    dst[x, y] = hl.f32(hl.Buffer(src)[x, y])
    dst.vectorize(x, LANES)
    return _compiled(dst, src.shape, np.float32)


WORKS = {
    "raster": _raster,
    "gaussian": _gaussian,
    "sobel": _sobel,
    "median": _median,
    "bayer": _bayer,
    "linear": _linear,
    "to_float": _to_float,
}
