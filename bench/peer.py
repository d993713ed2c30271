"""Peers, from our side: a process of .venv-bench for each library, asked over its pipes.

numba pins another llvmlite than ours, hence an environment of its own; a library that is not there
is skipped by name. The other side is `bench/peers`.
"""

from __future__ import annotations

import json
import subprocess
from typing import IO

import numpy as np
from numpy.typing import NDArray

from bench.contender import PEER, Contender
from bench.works import HERE, Work

PYTHON = HERE.parent / ".venv-bench" / "bin" / "python"
LIBRARIES = ("numba", "halide", "opencv", "scipy", "numpy", "pillow")


class Missing(Exception):
    """A library that cannot take part."""


class Peer:
    """A process that does the works of one library. A context manager. Raises `Missing`."""

    def __init__(self, library: str) -> None:
        if not PYTHON.exists():
            raise Missing(f"{library} (no .venv-bench: make bench)")
        self.library = library
        self.process = subprocess.Popen(
            [str(PYTHON), "-m", "bench.peers", library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=HERE.parent,
        )
        line = self._output.readline()
        if not line:
            self.close()
            raise Missing(f"{library} (not in .venv-bench)")
        said = json.loads(line)
        self.version: str = said["version"]
        self.works: list[str] = said["works"]

    @property
    def _input(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def _ask(self, *words: object, data: bytes = b"") -> bytes:
        self._input.write(" ".join(map(str, words)).encode() + b"\n" + data)
        self._input.flush()
        answer = self._output.readline()
        if not answer:
            raise RuntimeError(f"{self.library} ended at '{words[0]} {words[1]}'")
        return answer

    def contender(self, work: Work, picture: NDArray[np.uint8]) -> Contender:
        """This library as a contender for a work that it does."""
        size = int(self._ask("prepare", work.name, *picture.shape, data=picture.tobytes()))
        made = self._output.read(size)

        def measure(runs: int) -> float:
            return float(self._ask("time", runs))

        return Contender(PEER, self.library, "", measure, lambda: made)

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        self._input.close()
        self._output.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
