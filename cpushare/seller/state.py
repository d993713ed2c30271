"""The folder of a seller: worker keys and spools, the control socket, the day's traffic."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from pathlib import Path
from threading import Lock

from cpushare.market.keys import KeyPair
from cpushare.seller.spool import Spool
from vm.errors import Refused

SOCKET = "control"
TRAFFIC = "traffic"


def default_state() -> Path:
    """What systemd gives, else a folder of the user's own."""
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return Path(given.partition(":")[0])
    import platformdirs

    return Path(platformdirs.user_state_dir("cpushare")) / "seller"


class State:
    """The folder of one running seller; another cannot use it at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / SOCKET
        self._lock_fd = -1

    def key_path(self, worker: str) -> Path:
        """Where a worker's key lies."""
        return self.folder / "workers" / worker / "key"

    def key(self, worker: str) -> KeyPair:
        """A worker's key; it is made here the first time. Raises `BadMessage`, `OSError`."""
        return KeyPair.load_or_make(self.key_path(worker))

    def spool(self, worker: str) -> Spool:
        """A worker's unsent results."""
        return Spool(self.folder / "workers" / worker / "spool")

    def unsent(self) -> int:
        """How many batches of results wait to be sent."""
        return len(list(self.folder.glob("workers/*/spool/*.batch")))

    def take(self) -> None:
        """Make the folder ours. Raises `Refused` if another seller has it, `OSError`."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise Refused(
                f"a seller runs already with {self.folder}: 'cpushare sell --status' asks it, "
                "--stop ends it, --state names another folder"
            ) from None
        self._lock_fd = fd

    def leave(self) -> None:
        """Let others have it."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def purge(self) -> list[str]:
        """Remove all of it; gives what there was. Raises `Refused` if a seller runs, `OSError`."""
        if not self.folder.exists():
            return []
        self.take()
        keys = len(list(self.folder.glob("workers/*/key")))
        removed = [f"{keys} worker keys, {self.unsent()} unsent batches: {self.folder}"]
        shutil.rmtree(self.folder)
        self.leave()
        return removed


class Traffic:
    """Bytes sent and received today, kept over restarts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._day, self._bytes = "", 0
        try:
            self._day, number = path.read_text().split()
            self._bytes = int(number)
        except (OSError, ValueError):
            self._day, self._bytes = "", 0

    def add(self, count: int, now: float) -> None:
        """Count bytes."""
        with self._lock:
            self._turn(now)
            self._bytes += count

    def today(self, now: float) -> int:
        """Bytes of this day."""
        with self._lock:
            self._turn(now)
            return self._bytes

    def _turn(self, now: float) -> None:
        day = time.strftime("%Y-%m-%d", time.localtime(now))
        if day != self._day:
            self._day, self._bytes = day, 0

    def save(self) -> None:
        """Write it down; failing to is no error."""
        with self._lock:
            text = f"{self._day} {self._bytes}\n"
        try:
            self._path.write_text(text)
        except OSError:
            return
