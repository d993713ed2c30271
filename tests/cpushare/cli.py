"""The command line, called in this process or as a command of its own."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cpushare.cpsc import main
from vm.sandbox import capability

ROOT = Path(__file__).parents[2]
DITHER = ROOT / "examples" / "dither.cps"
needs_native = pytest.mark.skipif(
    not capability.check().is_native, reason=f"no child here: {capability.check().problem}"
)


@dataclass(frozen=True)
class Said:
    """What a command came to: its exit code, and what went to which stream."""

    code: int
    data: bytes
    err: str

    @property
    def out(self) -> str:
        return self.data.decode()

    @property
    def objects(self) -> list[Any]:
        """The JSON objects on standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@contextlib.contextmanager
def streams(stdin: bytes) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Standard streams, as bytes."""
    out, err = io.BytesIO(), io.BytesIO()
    saved = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    sys.stdout = io.TextIOWrapper(out, "utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(err, "utf-8", write_through=True)
    try:
        yield out, err
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdin, sys.stdout, sys.stderr = saved


def cpsc(*arguments: object, stdin: bytes = b"") -> Said:
    """Call `cpsc` in this process."""
    with streams(stdin) as (out, err):
        code = main.run([str(argument) for argument in arguments])
        sys.stdout.flush()
        sys.stderr.flush()
        return Said(code, out.getvalue(), err.getvalue().decode())


def command(*arguments: object) -> list[str]:
    """`cpsc` as a command for `subprocess`."""
    return [sys.executable, "-m", "cpushare.cpsc.main", *map(str, arguments)]


def cpsc_process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `cpsc` in a process of its own."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=120, check=False, **options
    )


def leftovers(folder: Path) -> list[str]:
    """What is in a folder besides what one would look for."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def family(pid: int) -> list[int]:
    """The processes whose parent is this one, and theirs."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found += [int(entry.name), *family(int(entry.name))]
    return found
