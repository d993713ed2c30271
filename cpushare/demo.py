"""`make demo`: one photograph through every real stage, with what can be seen of each.

python -m cpushare.demo [--no-show] [--out DIR]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cpushare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cpushare.program import Program

EXAMPLE = Path(__file__).parents[1] / "examples" / "dither.cps"
REPEAT = 20
HOSTILE = "openat"


def photograph() -> tuple[NDArray[Any], str]:
    """A real photograph, in colour, that comes with matplotlib, and where it is from."""
    import matplotlib

    from cpushare.images import read_image

    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return read_image(path), "Grace Hopper, 1984, public domain, from matplotlib's sample data"


def say(stage: str, text: str) -> None:
    """A line of the report."""
    print(f"{stage:>10}  {text}", flush=True)


def build() -> Program:
    """Compile the example and write its bytecode beside nothing else of the user's."""
    began = time.perf_counter()
    program = cpushare.compile(EXAMPLE)
    taken = time.perf_counter() - began
    verified = program.verified.kernels["dither"]
    where = os.path.relpath(EXAMPLE)
    say(
        "compile",
        f"{where}, {taken * 1e3:.0f} ms, {len(program.verified.encoded)} bytes of bytecode",
    )
    say("hash", program.hash)
    say("verify", f"{verified.proved} operations proved safe, {verified.checked} keep a check")
    say("price", f"{verified.cost} units of work, {verified.memory} bytes")
    return program


def run(program: Program, gray: NDArray[Any]) -> NDArray[Any]:
    """Dither in a strict child and tell what the kernel says of that child."""
    height, width = gray.shape
    say("cost", f"{program.cost(src=gray.shape):,} units for {width} × {height} pixels")
    with program.runner("dither", {}) as runner:
        halftone = runner.run({"src": gray})["dst"]
        stats = runner.stats
        timings = runner.bench({"src": gray}, REPEAT)
    how = "from the cache" if stats.is_cached else "by LLVM, in the compile box"
    say("native", f"{stats.code_bytes} bytes of static ELF, {how}, {stats.compile_s * 1e3:.1f} ms")
    tasks = f"{stats.tasks} task" + (f", {stats.mappings} mappings" if stats.mappings else "")
    say(
        "child",
        f"started in {stats.start_s * 1e3:.2f} ms, "
        f"Seccomp: {stats.seccomp} ({stats.mode}), {tasks}",
    )
    speed = width * height / timings.kernel_s / 1e6
    say("speed", f"{speed:.0f} Mpixel/s, round trip {timings.round_trip_s * 1e6:.0f} µs")
    return halftone


def attack() -> None:
    """One hostile program, as if verifier and compiler were beaten."""
    from vm.sandbox.doctor import attempt
    from vm.sandbox.hostile import HOSTILE as PROGRAMS

    trial = attempt(next(program for program in PROGRAMS if program.name == HOSTILE))
    say("attack", f"a native program tries to {trial.what}: {trial.ending}")
    if not trial.is_good:
        raise cpushare.SandboxBroken("the hostile program was not stopped")


def save(gray: NDArray[Any], halftone: NDArray[Any], out: Path) -> None:
    """Write the halftone, and before and after side by side."""
    from cpushare.view import beside
    from cpushare.writing import write_image

    out.mkdir(parents=True, exist_ok=True)
    for name, picture in (("dithered", halftone), ("before-after", beside(gray, halftone))):
        path = out / f"{name}.png"
        write_image(path, picture)
        say("wrote", os.path.relpath(path))


def show(program: Program, gray: NDArray[Any]) -> None:
    """Draw the picture in the terminal, scaled first, dithered by the same kernel."""
    from cpushare.view import view

    columns = min(shutil.get_terminal_size((80, 24)).columns, 80)
    print(view(gray, lambda small: program.run(src=small).dst, columns), flush=True)


def main() -> int:
    """The whole demo; gives the exit code."""
    parser = argparse.ArgumentParser(description="Dither a photograph through every stage.")
    parser.add_argument("--no-show", action="store_true", help="draw nothing in the terminal")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures")
    options = parser.parse_args()
    from cpushare.colour import CONVERSION, to_gray
    from cpushare.cpsc.lazy import report

    try:
        with build() as program:
            colour, source = photograph()
            say("picture", source)
            gray = to_gray(colour)
            say("gray", f"by {CONVERSION}")
            halftone = run(program, gray)
            attack()
            save(gray, halftone, options.out)
            if not options.no_show:
                show(program, gray)
    except (Exception, KeyboardInterrupt) as error:
        return report(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
