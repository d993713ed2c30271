"""Makes the pictures of docs: a scene computed here, and what kernels make of it.

    python docs/images/make.py

Those of docs/language.md are made by its own listings.
"""

from __future__ import annotations

import re
from pathlib import Path

import cpushare
from compiler.pipeline import compile_text
from cpushare.program import Program
from cpushare.scene import scene
from cpushare.view import beside
from cpushare.writing import write_image
from vm.verifier import verify

HERE = Path(__file__).parent
LISTINGS = {"gain": "dst", "blur": "dst", "drag": "dst", "study": "best"}


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
