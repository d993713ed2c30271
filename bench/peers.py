"""The others: C by gcc and clang, Pillow, numba."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from bench.contender import RUNS, Contender

HERE = Path(__file__).resolve().parent
FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")
COMPILERS = ("gcc", "clang")
RASTER_KERNELS = ("textbook", "gather", "scatter", "scaled")
BENCH_PYTHON = HERE.parent / ".venv-bench" / "bin" / "python"

Gray = NDArray[np.uint8]


def c_contenders(picture: Gray, folder: Path) -> tuple[list[Contender], list[str]]:
    """The C kernels by every compiler that is here, and the names of those that are not."""
    found: list[Contender] = []
    missing = []
    for compiler in COMPILERS:
        if shutil.which(compiler) is None:
            missing.append(compiler)
            continue
        library = folder / f"{compiler}.so"
        command = [compiler, *FLAGS, str(HERE / "kernels.c"), "-o", str(library)]
        subprocess.run(command, check=True)
        loaded = ctypes.CDLL(str(library))
        loaded.seconds.restype = ctypes.c_double
        for kernel in RASTER_KERNELS:
            found.append(_c_contender(loaded, f"C {compiler} {kernel}", kernel, "raster", picture))
        name = f"C {compiler} serpentine"
        found.append(_c_contender(loaded, name, "serpentine", "serpentine", picture))
    return found, missing


def _c_contender(
    library: ctypes.CDLL, name: str, kernel: str, work: str, picture: Gray
) -> Contender:
    height, width = picture.shape
    made = np.zeros_like(picture)
    rows = np.zeros(2 * (width + 2), np.int32)
    function = library[f"dither_{kernel}"]
    arrays = (picture, made, rows)

    def measure() -> float:
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        sizes = (ctypes.c_long(width), ctypes.c_long(height))
        taken = library.seconds(function, *pointers, *sizes, ctypes.c_int32(128), RUNS)
        return float(taken)

    return Contender(name, work, measure, made.tobytes)


def pillow_contender(picture: Gray) -> Contender:
    """Pillow's own Floyd-Steinberg: another rounding, so other bytes."""
    import time

    from PIL import Image

    image = Image.fromarray(picture)

    def measure() -> float:
        began = time.perf_counter()
        for _ in range(RUNS):
            image.convert("1")
        return (time.perf_counter() - began) / RUNS

    return Contender("Pillow convert('1')", "raster", measure, lambda: None)


NUMBA_WORKER = """
import sys, time
import numba
import numpy as np

@numba.njit(cache=False)
def dither(src, dst, rows):
    h, w = src.shape
    rows[:] = 0
    for y in range(h):
        above, here = rows[y & 1], rows[1 - (y & 1)]
        before = numba.int32(0)
        for x in range(w):
            total = 3 * above[x + 2] + 5 * above[x + 1] + above[x] + 8
            want = src[y, x] + ((total + 7 * before) >> 4)
            got = 255 if want >= 128 else 0
            before = numba.int32(want - got)
            dst[y, x] = got
            here[x + 1] = before

h, w, runs = map(int, sys.argv[1:])
src = np.frombuffer(sys.stdin.buffer.read(h * w), np.uint8).reshape(h, w)
dst = np.zeros_like(src)
rows = np.zeros((2, w + 2), np.int32)
dither(src, dst, rows)
sys.stdout.buffer.write(dst.tobytes())
sys.stdout.buffer.flush()
for _ in sys.stdin.buffer:
    began = time.perf_counter()
    for _ in range(runs):
        dither(src, dst, rows)
    sys.stdout.buffer.write(b"%.9f\\n" % ((time.perf_counter() - began) / runs))
    sys.stdout.buffer.flush()
"""


class NumbaPeer:
    """A process of .venv-bench that dithers when asked. A context manager."""

    def __init__(self, picture: Gray) -> None:
        height, width = picture.shape
        arguments = [str(BENCH_PYTHON), "-c", NUMBA_WORKER, str(height), str(width), str(RUNS)]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._input.write(picture.tobytes())
        self._input.flush()
        self.made = self._output.read(picture.size)

    @property
    def _input(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def measure(self) -> float:
        """The mean seconds of one turn."""
        self._input.write(b"go\n")
        self._input.flush()
        return float(self._output.readline())

    def __enter__(self) -> NumbaPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._input.close()
        self._output.close()


def numba_missing() -> str:
    """Why numba cannot take part, or nothing."""
    if not BENCH_PYTHON.exists():
        return "numba (no .venv-bench)"
    found = subprocess.run([str(BENCH_PYTHON), "-c", "import numba"], capture_output=True)
    return "" if found.returncode == 0 else "numba (not in .venv-bench)"


def numba_contender(peer: NumbaPeer) -> Contender:
    """The gather kernel, by numba."""
    return Contender("numba", "raster", peer.measure, lambda: peer.made)
