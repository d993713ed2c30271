"""Makes the pictures of docs: a scene computed here, and what kernels make of it.

    python docs/images/make.py

Those of docs/language.md are made by its own listings.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import cpushare
from compiler.pipeline import compile_text
from cpushare.program import Program
from cpushare.view import beside
from cpushare.writing import write_image
from vm.verifier import verify

HERE = Path(__file__).parent
SIZE = 288
LISTINGS = {"gain": "dst", "blur": "dst", "drag": "dst", "study": "best"}


def scene() -> NDArray[np.uint8]:
    """Three lit spheres before a soft background, SIZE × SIZE."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    light = np.array([-0.5, -0.6, 0.62])
    gray = 210 - 120 * y
    for centre_x, centre_y, radius in ((0.33, 0.36, 0.24), (0.70, 0.60, 0.22), (0.36, 0.80, 0.13)):
        u, v = (x - centre_x) / radius, (y - centre_y) / radius
        inside = u * u + v * v < 1
        height = np.sqrt(np.maximum(0, 1 - u * u - v * v))
        lit = np.maximum(0, u * light[0] + v * light[1] + height * light[2])
        gray = np.where(inside, 18 + 190 * lit + 45 * lit**24, gray)
    return np.clip(gray, 0, 255).astype(np.uint8)


def listing(kernel: str) -> Program:
    """The listing of docs/language.md that declares a kernel."""
    text = (HERE.parent / "language.md").read_text()
    found = re.findall(r"^```cps\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (code,) = (each for each in found if f"kernel {kernel}(" in each)
    return Program(verify(compile_text(code, f"{kernel}.cps").encoded))


if __name__ == "__main__":
    gray = scene()
    with cpushare.compile(HERE.parents[1] / "examples" / "dither.cps") as program:
        halftone = program.run(src=gray, serpentine=True).dst
    write_image(HERE / "dither.png", beside(gray, halftone))
    for kernel, image in LISTINGS.items():
        with listing(kernel) as program:
            made = program.run(kernel, src=gray).outputs[image]
        write_image(HERE / f"{kernel}.png", beside(gray, made))
