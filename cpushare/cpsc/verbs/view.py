"""cpsc view: a picture in the terminal."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import click

from cpushare.cpsc import output
from cpushare.cpsc.files import PICTURE

if TYPE_CHECKING:
    from numpy.typing import NDArray

DITHER = """
kernel dither(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    var err: rows<i32, 2>(src.width);
    scan (x, y, d) in src by serpentine(true) {
        let want = i32(src[x, y]) + div_floor(err[x, y] + 8, 16);
        let got = if want >= 128 { 255 } else { 0 };
        let e = want - got;
        dst[x, y] = u8(got);
        err.drop[x + d, y] += e * 7;
        err.drop[x - d, y + 1] += e * 3;
        err[x, y + 1] += e * 5;
        err.drop[x + d, y + 1] += e;
    }
}
"""


@click.command(help="Show a picture as Braille, dithered by a kernel of ours.")
@click.argument("file", type=PICTURE, metavar="PICTURE")
@click.option("--width", type=int, help="Columns; default: those of the terminal.")
@click.option("--interpret", is_flag=True, help="Dither in the interpreter.")
def command(file: str, width: int | None, interpret: bool) -> None:
    """Read, make gray, scale, dither, print."""
    from cpushare import images, view

    columns = width or shutil.get_terminal_size((80, 24)).columns
    engine = "interpret" if interpret else "local"
    pixels = images.read_image(file)
    gray = as_gray(pixels, engine)
    output.result(view.view(gray, lambda small: dither(small, engine), columns))


def as_gray(pixels: NDArray[Any], engine: str) -> NDArray[Any]:
    """Any picture as 8-bit gray: colour by std.color, other types scaled to their range."""
    import numpy as np

    from cpushare import colour

    if pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8:
        return colour.to_gray(pixels, engine)
    if pixels.ndim == 3:
        pixels = pixels[:, :, 0]
    if pixels.dtype == np.uint8:
        return pixels
    values = np.nan_to_num(pixels.astype(np.float64))
    low, high = values.min(), values.max()
    scaled = (values - low) * (255 / (high - low)) if high > low else values * 0
    return scaled.astype(np.uint8)


def dither(gray: NDArray[Any], engine: str) -> NDArray[Any]:
    """Halftone by the kernel above."""
    from compiler.pipeline import compile_text
    from cpushare.program import Program
    from vm.verifier import verify

    with Program(verify(compile_text(DITHER, "view.cps").encoded)) as program:
        halftone: NDArray[Any] = program.run(engine=engine, src=gray).dst
        return halftone
