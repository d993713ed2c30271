"""`python -m bench`: measure, then print a table or, with --json, one object a line."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import ours, peers
from bench.contender import Contender, disagreements, take_turns
from vm.sandbox.box import CompileBox
from vm.sandbox.runner import NativeRunner

OURS = "CPUShare"


def picture(width: int, height: int) -> NDArray[np.uint8]:
    """A slow ramp with noise: every gray occurs, and no branch can be guessed."""
    ramp = np.add.outer(np.arange(height), np.arange(width)) * 255 // (width + height)
    noise = np.random.default_rng(1).integers(-20, 21, (height, width))
    return (ramp + noise).clip(0, 255).astype(np.uint8)


def gather(stack: ExitStack, given: NDArray[np.uint8], folder: Path) -> list[Contender]:
    """Everybody who can take part; says on stderr who cannot."""
    verified = ours.example("dither")
    box = stack.enter_context(CompileBox())
    found = []
    for work, parameters in (("raster", {}), ("serpentine", {"serpentine": True})):
        runner = stack.enter_context(NativeRunner(verified, "dither", parameters, box=box))
        found.append(ours.contender(runner, f"{OURS} {work}", work, given))
    c, missing = peers.c_contenders(given, folder)
    found += [*c, peers.pillow_contender(given)]
    reason = peers.numba_missing()
    if reason:
        missing.append(reason)
    else:
        found.append(peers.numba_contender(stack.enter_context(peers.NumbaPeer(given))))
    if missing:
        print(f"without {', '.join(missing)}", file=sys.stderr)
    return found


def rows(contenders: list[Contender], pixels: int) -> list[dict[str, Any]]:
    """One row a contender, best first within its work, with our ratio to the best C."""
    table = []
    for contender in sorted(contenders, key=lambda c: (c.work, c.median_s)):
        best_c = min(
            (c.median_s for c in contenders if c.work == contender.work and c.name[:2] == "C "),
            default=None,
        )
        table.append(
            {
                "work": contender.work,
                "name": contender.name,
                "seconds": contender.median_s,
                "spread": contender.spread,
                "mpixel_per_s": pixels / contender.median_s / 1e6,
                "of_best_c": best_c / contender.median_s if best_c else None,
            }
        )
    return table


def show(table: list[dict[str, Any]], figures: dict[str, float]) -> None:
    """The tables for people."""
    print(f"{'work':<11} {'who':<22} {'Mpixel/s':>9} {'of best C':>10} {'spread':>7}")
    for row in table:
        ratio = f"{row['of_best_c']:.2f}" if row["of_best_c"] else ""
        print(
            f"{row['work']:<11} {row['name']:<22} {row['mpixel_per_s']:>9.0f} {ratio:>10} "
            f"{row['spread']:>6.0%}"
        )
    print()
    for name, seconds in figures.items():
        print(f"{name:<34} {seconds * 1e3:>9.3f} ms")


def main() -> int:
    """Run the benchmark; 1 if somebody's bytes are wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--size", default="2048x2048", help="WxH in pixels")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    given = picture(width, height)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        contenders = gather(stack, given, folder)
        take_turns(contenders, options.rounds)
        wrong = disagreements(contenders)
        box = stack.enter_context(CompileBox())
        figures = ours.start_figures(ours.example("dither"), "dither", {}, box)
        figures |= ours.command_figures(given, folder)
        table = rows(contenders, given.size)
    if options.json:
        for row in table:
            print(json.dumps(row))
        print(json.dumps(figures))
    else:
        show(table, figures)
    for name in wrong:
        print(f"{name} made other bytes than the rest", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
