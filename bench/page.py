"""docs/benchmarks.md, written by `make bench`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import tables
from bench.c_code import FLAGS
from bench.plot import draw
from bench.session import Row
from bench.works import HERE

DOCS = HERE.parent / "docs"
PAGE, PICTURE = DOCS / "benchmarks.md", Path("images") / "benchmarks.svg"
HEAD = """\
# Benchmarks

<!-- Made by `make bench`: change bench/, not this. -->

What a kernel costs in its strict child, beside the best C for the same work and other libraries.
Figures are of one run on one machine: compare ratios, and run `make bench` on yours.

![How many times the best C, by work and CPU level; Mpixel/s by size]({picture})

{machine}

## Ours and the best C, {size} × {size}

{summary}

* **Work** is the same for all of one line, on one core; our output and that of all C agree to the
  last bit. The kernels are in bench/kernels and examples, the C in bench/c: the textbook, and the
  best that was found, by gcc and clang with `{flags}`.
* **Mpixel/s** of CPU time, the median of {rounds} rounds, in which all contenders of a work take
  turns, so that noise hits all of them; ± is half the distance between the quartiles. Of ours the
  time is the kernel's alone, in the strict child. One turn is as many runs as take about 20 ms.
* **form** says how the kernel is compiled: `scalar` pixel by pixel, `wavefront` many
  lines at once, `many at once` as many pictures, `map` pixels side by side (docs/jit.md).
* **ratio** is how many times as fast ours is as the best C of the same run, both compiled for the
  same CPU level; at the machine's own level the C has `-march=native`.
* **best peer** is the fastest of numba, Halide, OpenCV, SciPy, NumPy and Pillow, each on one core,
  where it does this work. Some round otherwise: their bytes are `other` below.
* **of a copy** is the roofline: the bytes that must be read and written, per second, as a share of
  what memcpy moves per second in the same turns.
* **compile** is from bytecode to machine code in a warm compile box, once for a kernel with its
  parameters; a cache spares it the next time.
"""


def write(
    rows: Sequence[Row],
    sweep: Sequence[Row],
    figures: Mapping[str, float],
    machine: Mapping[str, str],
    levels: Sequence[str],
    rounds: int,
) -> None:
    """Write the page and its picture."""
    draw(rows, sweep, levels, DOCS / PICTURE)
    text = HEAD.format(
        picture=PICTURE,
        machine="\n".join(f"* {name}: {value}" for name, value in machine.items()),
        size=rows[0].width,
        summary=tables.summary(rows, levels),
        flags=" ".join(FLAGS[:3]),
        rounds=rounds,
    )
    if sweep:
        sizes = sorted({row.width for row in [*sweep, *rows]})
        both = [row for row in [*sweep, *rows] if row.level in ("", levels[0])]
        text += "\n## By size of the picture\n\nOurs in Mpixel/s, and its ratio to that C which is "
        text += f"best at {rows[0].width}².\n\n{tables.by_size(both, sizes)}\n"
    if figures:
        text += "\n## Around the kernel\n\nThe dithering example; commands with warm caches.\n\n"
        text += f"{tables.durations(dict(figures))}\n"
    text += f"\n## Everybody\n\n{tables.everybody(rows)}"
    PAGE.write_text(text)
