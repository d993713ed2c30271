"""How many instructions our kernels take: counted by valgrind, so that noise cannot hide a loss.

    python -m bench.instructions [--bless]

Every work's kernel is compiled for x86-64-v3, linked by gcc into a program that runs it once, and
run in callgrind, which counts what is executed in the kernel and below it. The counts are the same
on every machine; instructions.json holds those that are expected.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.works import HERE, WORKS, Work
from vm import parameters as parameter_values
from vm.inputs import prepare
from vm.jit import backend
from vm.jit.pipeline import kernel_ir
from vm.layout import plan
from vm.module import Role

CPU = "x86-64-v3"  # valgrind knows no AVX-512
WIDTH, HEIGHT = 259, 131
EXPECTED = HERE / "instructions.json"
MORE, LESS = 1.03, 0.90
PROGRAMS = ("gcc", "valgrind")
BLESS = "python -m bench.instructions --bless"


def missing() -> list[str]:
    """The programs that are needed and not here."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


def counted(work: Work, folder: Path) -> int:
    """Instructions of one run of a work's kernel. Raises `CalledProcessError`."""
    verified = work.verified()
    kernel = verified.kernels[work.kernel].kernel
    values = parameter_values.resolve(kernel, work.parameters)
    given = parameter_values.to_bytes(kernel, values)
    ir = kernel_ir(verified.encoded, work.kernel, given, 0, cpu=CPU)
    (folder / "kernel.o").write_bytes(backend.compile_ir(ir, CPU))
    (folder / "plan.h").write_text(_plan(work))
    program, report = folder / "program", folder / "report"
    line = ["gcc", "-O1", f"-I{folder}", str(HERE / "callgrind.c"), str(folder / "kernel.o")]
    subprocess.run([*line, "-o", str(program)], check=True)
    options = ["--tool=callgrind", "--toggle-collect=kernel", f"--callgrind-out-file={report}"]
    subprocess.run(["valgrind", "-q", *options, str(program)], check=True)
    (total,) = (line for line in report.read_text().splitlines() if line.startswith("totals:"))
    return int(total.split()[1])


def _plan(work: Work) -> str:
    """plan.h: where the kernel's buffers lie, as `vm.layout` plans it."""
    checked = work.verified().kernels[work.kernel]
    picture = work.picture(WIDTH, HEIGHT)
    dimensions = prepare(checked.kernel, {"src": picture}, work.parameters).dimensions
    layout = plan(checked.kernel, checked.facts.reaches, dimensions)
    arguments = ", ".join(map(str, [*dimensions, *layout.offsets]))
    inputs = ", ".join(
        f"{{{offset}, {size}}}"
        for image, offset, size in zip(
            checked.kernel.images, layout.offsets, layout.sizes, strict=False
        )
        if image.role is Role.IN
    )
    return (
        f"#define ARENA_BYTES {layout.total}\n"
        f"static const int64_t ARGUMENTS[] = {{{arguments}}};\n"
        f"static const int64_t INPUTS[][2] = {{{inputs}}};\n"
    )


def expected() -> dict[str, int]:
    """The committed counts by work."""
    found: dict[str, int] = json.loads(EXPECTED.read_text())
    return found


def verdict(count: int, wanted: int) -> str:
    """What is wrong with a count, if anything: more is a loss, much less is to be held on to."""
    if not wanted:
        return f"no count is expected yet: {BLESS}"
    if count > wanted * MORE:
        return f"{count:,} instructions, {count / wanted - 1:.1%} more than {wanted:,}"
    if count < wanted * LESS:
        return f"{count:,} instructions instead of {wanted:,}: hold on to it with {BLESS}"
    return ""


def main() -> int:
    """Compare all counts, or write them anew; 1 if one is off."""
    absent = missing()
    if absent:
        print(f"needed: {', '.join(absent)} (apt install {' '.join(absent)})", file=sys.stderr)
        return 2
    counts = {}
    with tempfile.TemporaryDirectory() as folder:
        for work in WORKS:
            counts[work.name] = counted(work, Path(folder))
    if "--bless" in sys.argv[1:]:
        EXPECTED.write_text(json.dumps(counts, indent=2) + "\n")
        return 0
    wanted = expected()
    wrong = 0
    for name, count in counts.items():
        found = verdict(count, wanted.get(name, 0))
        wrong += bool(found)
        per_pixel = count / (WIDTH * HEIGHT)
        print(f"{name:<22} {count:>10,} {per_pixel:>7.2f} a pixel  {found}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
