"""Files that appear whole or not at all: written beside, then renamed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def whole_file(path: Path, durable: bool = True) -> Iterator[BinaryIO]:
    """A file that appears under its name when it is complete, or not at all.

    One that was there before leaves its permissions to the new one. `durable` waits for the disk,
    so that this holds even where the power fails: some milliseconds that are not worth it for
    what is made again in less.
    """
    beside = path.parent / f".{path.name}.{os.urandom(8).hex()}"
    file = beside.open("xb")
    try:
        with file:
            with contextlib.suppress(OSError):  # there was none before
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
