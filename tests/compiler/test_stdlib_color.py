"""std.color: every code, and light around every boundary, against exact arithmetic."""

from __future__ import annotations

import mpmath
import numpy as np

from compiler.pipeline import compile_text
from tests.jit import inprocess
from vm.verifier import verify

LINEAR = """use std.color { srgb_to_linear };
kernel k(in src: image<u8, 3>, out dst: image<f32, 3>(src.width, src.height)) {
    map (x, y) in src { dst[x, y] = srgb_to_linear(src[x, y]); }
}
"""
CODED = """use std.color { linear_to_srgb };
kernel k(in src: image<f32, 3>, out dst: image<u8, 3>(src.width, src.height)) {
    map (x, y) in src { dst[x, y] = linear_to_srgb(src[x, y]); }
}
"""


def light(code: mpmath.mpf) -> mpmath.mpf:
    """IEC 61966-2-1, of a code from 0 to 1."""
    if code <= mpmath.mpf("0.04045"):
        return code / mpmath.mpf("12.92")
    return ((code + mpmath.mpf("0.055")) / mpmath.mpf("1.055")) ** mpmath.mpf("2.4")


def test_light_is_the_nearest_f32() -> None:
    kernel = verify(compile_text(LINEAR).encoded).kernels["k"]
    codes = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 256, 3)
    found = inprocess.run_kernel(kernel, {"src": codes}, {})["dst"]
    with mpmath.workprec(120):
        for code in range(256):
            exact = light(mpmath.mpf(code) / 255)
            got = found[0, code, 1]
            others = [np.nextafter(got, np.float32(end)) for end in (-1, 2)]
            errors = [abs(mpmath.mpf(float(v)) - exact) for v in (got, *others)]
            assert min(errors) == errors[0], code


def test_codes_are_the_nearest_ones() -> None:
    """On both sides of every boundary, and at random."""
    kernel = verify(compile_text(CODED).encoded).kernels["k"]
    with mpmath.workprec(120):
        exact = [light((mpmath.mpf(code) + 0.5) / 255) for code in range(255)]
        points = [np.float32(float(v)) for v in exact]
        near = [np.nextafter(v, np.float32(end)) for v in points for end in (-1, 2)]
        spread = np.random.default_rng(1).random(2000, np.float32)
        values = np.concatenate([points, near, spread]).astype(np.float32)
        wanted = [sum(v <= mpmath.mpf(float(value)) for v in exact) for value in values]
    pixels = np.repeat(values, 3).reshape(1, -1, 3)
    found = inprocess.run_kernel(kernel, {"src": pixels}, {})["dst"]
    assert found[0, :, 0].tolist() == wanted
