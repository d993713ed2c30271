"""What surrounds a kernel: compiling it, starting its child, and whole commands."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bench.works import EXAMPLES, RASTER
from vm.sandbox.box import CompileBox
from vm.sandbox.runner import NativeRunner

STARTS = 15


def figures(box: CompileBox, folder: Path) -> dict[str, float]:
    """Seconds by name, of the dithering example; `folder` is for files."""
    return start_figures(box) | command_figures(folder)


def start_figures(box: CompileBox) -> dict[str, float]:
    """Seconds: compiling in a warm box, from spawn to ready, and a command with nothing to do."""
    tiny = np.zeros((1, 1), np.uint8)
    compiled, starts, trips = [], [], []
    for _ in range(STARTS):
        with NativeRunner(RASTER.verified(), RASTER.kernel, {}, box=box) as runner:
            timings = runner.bench({"src": tiny}, repeat=2, rounds=2)
        compiled.append(timings.compile_s)
        starts.append(timings.start_s)
        trips.append(timings.round_trip_s)
    return {
        "compile, in a warm box": statistics.median(compiled),
        "start of a strict child": statistics.median(starts),
        "round trip to it": statistics.median(trips),
    }


def command_figures(folder: Path) -> dict[str, float]:
    """Seconds of whole commands, caches warm: `--help`, build, check, run."""
    from PIL import Image

    given, made = folder / "given.png", folder / "made.png"
    Image.fromarray(RASTER.picture(576, 576)).save(given)
    source, built = str(EXAMPLES / "dither.cps"), str(folder / "dither.cpb")
    long = folder / "long.cps"
    long.write_text(_thousand_lines())
    commands = {
        "`cpsc --help`": ["--help"],
        "`cpsc dither.cps`": [source, "-o", built],
        "`cpsc check`, 1,000 lines": ["check", str(long)],
        "`cpsc run dither.cps`, 576 × 576": ["run", source, str(given), "-o", str(made)],
    }
    return {name: seconds for name, line in commands.items() if (seconds := _command(line))}


def _thousand_lines() -> str:
    """The dither example again and again, under other names, in 1,000 lines."""
    text = (EXAMPLES / "dither.cps").read_text()
    one = text[text.index("///") :].splitlines()
    lines: list[str] = []
    while len(lines) + len(one) <= 1000:
        name = f"dither_{len(lines)}"
        for line in one:
            renamed = line.replace("kernel dither(", f"kernel {name}(").replace(
                " dither(", f" {name}("
            )
            lines.append(
                renamed.replace("(dither(", f"({name}(").replace('test "', f'test "{name}: ')
            )
    return "\n".join([*lines, *["//"] * (1000 - len(lines))]) + "\n"


def _command(arguments: list[str]) -> float:
    """The median seconds of a command, 0 if it fails."""
    program = Path(sys.executable).parent / "cpsc"
    if not program.exists():
        return 0.0
    line = [str(program), *arguments]
    taken = []
    for _ in range(6):
        began = time.perf_counter()
        done = subprocess.run(line, capture_output=True, cwd=EXAMPLES.parent)
        taken.append(time.perf_counter() - began)
        if done.returncode:
            return 0.0
    return statistics.median(taken[1:])
