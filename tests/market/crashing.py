"""Processes that are killed, and started again as systemd would; and what is left of them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

AGAIN_S = 0.2
STOP_S = 30.0


class Kept:
    """A process that is started again whenever it ends, until `stop`."""

    def __init__(
        self, name: str, line: Sequence[str], log: Path, env: Mapping[str, str], **run: Any
    ) -> None:
        self.name = name
        self.starts = 0
        self._line, self._log, self._run = line, log, {"env": env, **run}
        self._is_over = False
        self._process = self._begin()
        self._thread = threading.Thread(target=self._keep, name=name, daemon=True)
        self._thread.start()

    def _begin(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        with self._log.open("ab") as log:
            return subprocess.Popen(self._line, stdout=log, stderr=log, **self._run)

    def _keep(self) -> None:
        while True:
            self._process.wait()
            time.sleep(AGAIN_S)
            if self._is_over:
                return
            self._process = self._begin()

    @property
    def pid(self) -> int:
        """The number of the process, which may have ended."""
        return self._process.pid

    def kill(self) -> bool:
        """Kill it; whether there was anything to kill."""
        return strike(self._process)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Have it end, and stay so."""
        self._is_over = True
        self._process.send_signal(number)
        self._thread.join(STOP_S)
        assert not self._thread.is_alive(), f"{self.name} does not end"


def strike(process: subprocess.Popen[bytes] | subprocess.Popen[str] | None) -> bool:
    """SIGKILL; whether it was alive."""
    if process is None or process.poll() is not None:
        return False
    process.send_signal(signal.SIGKILL)
    return True


def children(pid: int, is_wanted: Callable[[str], bool] = lambda _: True) -> list[int]:
    """The children of a process whose command line is wanted."""
    found = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for word in (thread / "children").read_text().split():
                if is_wanted(command_line(int(word))):
                    found.append(int(word))
    return found


def command_line(pid: int) -> str:
    """How a process was called; nothing if it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def strike_one(pids: Sequence[int], draw: Callable[[Sequence[int]], int]) -> bool:
    """SIGKILL one of them; whether there was one."""
    if not pids:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(draw(pids), signal.SIGKILL)
        return True
    return False


def of_folder(folder: Path) -> list[str]:
    """The command lines of running processes that name a folder."""
    lines = (command_line(int(each.name)) for each in Path("/proc").glob("[0-9]*"))
    return [line for line in lines if str(folder) in line]
