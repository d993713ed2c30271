"""The plot: how many times the best C, by work; and dithering by size of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.contender import OURS, C
from bench.session import Row, best
from bench.tables import grouped, short
from bench.works import BY_NAME, RASTER

COLOURS = ("#1b5e8c", "#e08214", "#7f7f7f")
MARKS = ("o", "s", "^")


def draw(rows: Sequence[Row], sweep: Sequence[Row], levels: Sequence[str], path: Path) -> None:
    """Write the SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "benchmarks"}
    from matplotlib import pyplot

    works = grouped(rows)
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(11, 1.5 + 0.27 * len(works)), width_ratios=(3, 2), layout="constrained"
    )
    _ratios(left, works, levels)
    _sizes(right, [row for row in [*sweep, *rows] if row.work == RASTER.name], levels[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _ratios(axes: object, works: dict[str, list[Row]], levels: Sequence[str]) -> None:
    from matplotlib.axes import Axes
    from matplotlib.ticker import ScalarFormatter

    assert isinstance(axes, Axes)
    names = list(works)
    for level, colour, mark in zip(levels, COLOURS, MARKS, strict=False):
        found = [(best(works[name], OURS, level), place) for place, name in enumerate(names)]
        points = [(row.of_best_c, place) for row, place in found if row and row.of_best_c]
        axes.plot(*zip(*points, strict=True), mark, color=colour, label=short(level))
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), [BY_NAME[name].title for name in names])
    axes.invert_yaxis()
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_xlabel("times as fast as the best C of the same CPU level")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(levels), frameon=False)


def _sizes(axes: object, rows: Sequence[Row], level: str) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    sizes = sorted({row.width for row in rows})
    for family, colour, mark in ((OURS, COLOURS[0], "o"), (C, "black", "x")):
        at = [(size, best([r for r in rows if r.width == size], family, level)) for size in sizes]
        points = [(size, row.mpixel_per_s) for size, row in at if row]
        if points:
            label = "CPUShare" if family == OURS else "best C"
            axes.plot(*zip(*points, strict=True), f"{mark}-", color=colour, label=label)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [f"{size}²" for size in sizes])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("Mpixel/s")
    axes.set_title("Floyd-Steinberg by size of the picture", fontsize="medium")
    axes.grid(alpha=0.3)
    axes.legend()
