"""The counterparts in C, bench/c: built by every compiler that is here, for every CPU level."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.contender import COPY, C, Contender
from bench.works import HERE, Work

COMPILERS = ("gcc", "clang")
FLAGS = ("-O3", "-ffp-contract=off", "-fno-math-errno", "-shared", "-fPIC")
ALIGNMENT_BYTES = 64


class Library:
    """One build of bench/c: a compiler and a CPU level. Raises `CalledProcessError`."""

    def __init__(self, compiler: str, level: str, march: str, folder: Path) -> None:
        self.compiler, self.level = compiler, level
        path = folder / f"{compiler}-{level}.so"
        sources = sorted(map(str, (HERE / "c").glob("*.c")))
        command = [compiler, *FLAGS, f"-march={march}", *sources, "-lm", "-o", str(path)]
        subprocess.run(command, check=True)
        self.loaded = ctypes.CDLL(str(path))
        self.loaded.seconds.restype = ctypes.c_double

    def timer(
        self, function: str, arrays: tuple[NDArray[np.generic], ...], width: int, height: int
    ) -> Timer:
        """A function with its arrays: in, out, scratch."""
        return Timer(self.loaded, function, arrays, width, height)


class Timer:
    """Calls one C function so many times; gives the mean seconds."""

    def __init__(
        self,
        library: ctypes.CDLL,
        function: str,
        arrays: tuple[NDArray[np.generic], ...],
        width: int,
        height: int,
    ) -> None:
        self.library, self.arrays = library, arrays
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        sizes = (ctypes.c_long(width), ctypes.c_long(height))
        self.arguments = (library[function], *pointers, *sizes)

    def __call__(self, runs: int) -> float:
        return float(self.library.seconds(*self.arguments, ctypes.c_int(runs)))


def libraries(levels: tuple[str, ...], folder: Path) -> tuple[list[Library], list[str]]:
    """Builds for these levels, the first of which is this machine's own; and who is missing."""
    here = [compiler for compiler in COMPILERS if shutil.which(compiler)]
    built = [
        Library(compiler, level, "native" if level == levels[0] else level, folder)
        for level in levels
        for compiler in here
    ]
    return built, [compiler for compiler in COMPILERS if compiler not in here]


def contenders(
    work: Work, picture: NDArray[np.uint8], built: list[Library], only: str = ""
) -> list[Contender]:
    """Every variant by every build, or only the one of that name.

    The textbook takes part at this machine's own level (the first) only: it is never the best.
    """
    height, width = picture.shape[:2]
    scratch = _aligned((width + 16) * (height + 8) * 8)
    found = []
    for library in built:
        for variant in work.variants:
            name = f"{library.compiler} {variant}"
            is_other = variant == "textbook" and library.level != built[0].level
            if only not in ("", name) or is_other:
                continue
            made = work.output(width, height)
            timer = library.timer(f"{work.name}_{variant}", (picture, made, scratch), width, height)
            found.append(Contender(C, name, library.level, timer, made.tobytes))
    return found


def copy_contender(library: Library, size_bytes: int) -> Contender:
    """The roofline: memcpy that moves (reads and writes) so many bytes in all."""
    half = size_bytes // 2
    given, made = np.ones(half, np.uint8), np.zeros(half, np.uint8)
    timer = library.timer("copy_memcpy", (given, made, made), half, 1)
    return Contender(COPY, "memcpy", "", timer, made.tobytes)


def _aligned(size_bytes: int) -> NDArray[np.uint8]:
    """Memory that nobody has touched, aligned for vectors."""
    whole = np.empty(size_bytes + ALIGNMENT_BYTES, np.uint8)
    start = -whole.ctypes.data % ALIGNMENT_BYTES
    return whole[start : start + size_bytes]


def versions() -> dict[str, str]:
    """The compilers that are here, each with the first line of its `--version`."""
    return {
        compiler: subprocess.run(
            [compiler, "--version"], capture_output=True, text=True, check=True
        ).stdout.split("\n")[0]
        for compiler in COMPILERS
        if shutil.which(compiler)
    }
