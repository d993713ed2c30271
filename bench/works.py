"""What is computed: one row a work, with our kernel, its counterparts in C, and what it moves.

Equal work gives equal bytes: ours and all C of one work are compared to the last bit. Functions in
`bench/c` are called WORK_VARIANT; peers (`bench/peers`) list works by the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compiler.pipeline import compile_path
from vm.opcodes import Op
from vm.verifier import VerifiedModule, verify

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples"
KERNELS = HERE / "kernels"


@dataclass(frozen=True)
class Work:
    """One kind of work on an image of 8-bit levels, `in src` to `out dst`.

    `scalar` is NumPy's name of what a channel of `dst` is made of.
    """

    name: str
    title: str
    source: Path
    kernel: str
    variants: tuple[str, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)
    channels: int = 1
    scalar: str = "u1"

    @property
    def bytes_per_pixel(self) -> int:
        """What must be read and written at the least."""
        return self.channels * (1 + np.dtype(self.scalar).itemsize)

    def picture(self, width: int, height: int) -> NDArray[np.uint8]:
        """A slow ramp with noise, (height, width) or (height, width, channels): every level
        occurs, and no branch can be guessed."""
        ramp = np.add.outer(np.arange(height), np.arange(width)) * 255 // (width + height)
        shape = (height, width, self.channels)
        noise = np.random.default_rng(1).integers(-20, 21, shape)
        made = (ramp[:, :, None] + noise).clip(0, 255).astype(np.uint8)
        return made if self.channels > 1 else made[:, :, 0]

    def output(self, width: int, height: int) -> NDArray[np.generic]:
        """Room for `dst`."""
        shape = (height, width, self.channels) if self.channels > 1 else (height, width)
        return np.zeros(shape, self.scalar)

    def verified(self) -> VerifiedModule:
        """Our kernel, compiled to bytecode and verified."""
        return _verified(self.source)

    def has_scan(self) -> bool:
        """Whether our kernel visits pixels in an order."""
        code = self.verified().kernels[self.kernel].kernel.code
        return any(step.op is Op.SCAN for step in code)


@cache
def _verified(source: Path) -> VerifiedModule:
    return verify(compile_path(source).encoded)


DITHER = EXAMPLES / "dither.cps"


def _diffusion(name: str, title: str) -> Work:
    return Work(name, title, KERNELS / f"{name}.cps", name, ("textbook", "gather"))


RASTER = Work(
    "raster",
    "Floyd-Steinberg",
    DITHER,
    "dither",
    ("textbook", "gather", "scatter", "scaled", "run_time"),
)
SERPENTINE = Work(
    "serpentine",
    "Floyd-Steinberg, serpentine",
    DITHER,
    "dither",
    ("scaled",),
    parameters={"serpentine": True},
)
RASTER_F32 = Work(
    "raster_f32",
    "Floyd-Steinberg, f32",
    EXAMPLES / "dither_f32.cps",
    "dither_f32",
    ("textbook", "gather", "scatter"),
)
DIFFUSIONS = (
    _diffusion("jarvis", "Jarvis, Judice, Ninke"),
    _diffusion("stucki", "Stucki"),
    _diffusion("atkinson", "Atkinson"),
    _diffusion("burkes", "Burkes"),
    _diffusion("sierra", "Sierra"),
    _diffusion("sierra_two_row", "Sierra, two rows"),
    _diffusion("sierra_lite", "Sierra lite"),
    _diffusion("false_floyd_steinberg", "false Floyd-Steinberg"),
    _diffusion("fan", "Fan"),
    _diffusion("shiau_fan", "Shiau, Fan"),
    _diffusion("stevenson_arce", "Stevenson, Arce"),
)
RECURSIVE = Work(
    "recursive",
    "recursive filter",
    KERNELS / "recursive.cps",
    "recursive",
    ("textbook", "eight_rows"),
    scalar="f4",
)
GAUSSIAN = Work(
    "gaussian",
    "Gaussian 11 × 11, f32",
    EXAMPLES / "hvs.cps",
    "hvs",
    ("textbook", "ring"),
    scalar="f4",
)
SOBEL = Work("sobel", "Sobel", EXAMPLES / "sobel.cps", "sobel", ("textbook", "interior"))
MEDIAN = Work(
    "median", "median 3 × 3", EXAMPLES / "median3.cps", "median3", ("textbook", "columns")
)
BAYER = Work("bayer", "ordered dither", EXAMPLES / "ordered.cps", "bayer", ("textbook", "rows"))
LINEAR = Work(
    "linear",
    "sRGB to linear, f32 × 3",
    KERNELS / "linear.cps",
    "linear",
    ("table",),
    channels=3,
    scalar="f4",
)
TO_FLOAT = Work(
    "to_float", "u8 to f32", KERNELS / "to_float.cps", "to_float", ("loop",), scalar="f4"
)
FILTERS = (RECURSIVE, GAUSSIAN, SOBEL, MEDIAN, BAYER, LINEAR, TO_FLOAT)
WORKS = (RASTER, SERPENTINE, RASTER_F32, *DIFFUSIONS, *FILTERS)
BY_NAME = {work.name: work for work in WORKS}
