"""Our side: examples/dither.cps in its strict child, and what surrounds it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.contender import RUNS, Contender
from compiler.pipeline import compile_path
from vm.sandbox.box import CompileBox
from vm.sandbox.runner import NativeRunner
from vm.verifier import VerifiedModule, verify

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
STARTS = 15

Gray = NDArray[np.uint8]


def example(name: str) -> VerifiedModule:
    """A compiled and verified example."""
    return verify(compile_path(EXAMPLES / f"{name}.cps").encoded)


def contender(runner: NativeRunner, name: str, work: str, picture: Gray) -> Contender:
    """A runner as a contender: the time of its kernel alone, in the strict child."""

    def measure() -> float:
        return runner.bench({"src": picture}, repeat=RUNS + 1, rounds=1).kernel_s

    return Contender(name, work, measure, lambda: runner.run({"src": picture})["dst"].tobytes())


def start_figures(
    verified: VerifiedModule, kernel: str, parameters: Mapping[str, object], box: CompileBox
) -> dict[str, float]:
    """Seconds: compiling in a warm box, from spawn to ready, and a command with nothing to do."""
    tiny = np.zeros((1, 1), np.uint8)
    compiled, starts, trips = [], [], []
    for _ in range(STARTS):
        with NativeRunner(verified, kernel, parameters, box=box) as runner:
            timings = runner.bench({"src": tiny}, repeat=2, rounds=2)
        compiled.append(timings.compile_s)
        starts.append(timings.start_s)
        trips.append(timings.round_trip_s)
    return {
        "compile_s": statistics.median(compiled),
        "start_s": statistics.median(starts),
        "round_trip_s": statistics.median(trips),
    }


def command_figures(picture: Gray, folder: Path) -> dict[str, float]:
    """Seconds of whole commands, caches warm: `--help`, build, run."""
    from PIL import Image

    given, made = folder / "given.png", folder / "made.png"
    Image.fromarray(picture[:576, :576]).save(given)
    source, built = str(EXAMPLES / "dither.cps"), str(folder / "dither.cpb")
    long = folder / "long.cps"
    long.write_text(_thousand_lines())
    commands = {
        "cpsc --help": ["--help"],
        "cpsc dither.cps": [source, "-o", built],
        "cpsc check, 1000 lines": ["check", str(long)],
        "cpsc run dither.cps 576x576": ["run", source, str(given), "-o", str(made)],
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
