"""A PostgreSQL server of the tests' own: Debian's, on loopback, as a user without rights."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

START_S = 30.0


def binaries() -> Path | None:
    """The folder of the newest server's programs."""
    found = [Path(name).parent for name in glob.glob("/usr/lib/postgresql/*/bin/postgres")]
    if found:
        return max(found, key=lambda folder: int(folder.parent.name))
    named = shutil.which("postgres")
    return Path(named).resolve().parent if named else None


def plain_user() -> dict[str, int]:
    """Whom the server runs as: it refuses to be root."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid}
    raise LookupError("there is neither a user postgres nor nobody")


class Cluster(NamedTuple):
    """The files of a server that is not running: its command line, how to run it, its address."""

    line: list[str]
    run: dict[str, Any]
    ready: list[str]
    url: str
    log: Path

    def is_ready(self) -> bool:
        """Whether it takes connections."""
        return subprocess.run(self.ready).returncode == 0


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """The files of a fresh server, until the block ends."""
    folder = binaries()
    if folder is None:
        reason = "PostgreSQL is not installed (apt install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    user = plain_user()
    place = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    place.chmod(0o700)
    if user:
        os.chown(place, user["user"], user["group"])
    run: dict[str, Any] = {
        **user,
        "cwd": place,
        "env": {"LC_ALL": "C", "PATH": os.environ["PATH"]},
    }
    try:
        data = place / "data"
        subprocess.run(
            [folder / "initdb", "-D", data, "-U", "exchange", "-A", "trust", "-E", "UTF8"],
            check=True,
            capture_output=True,
            **run,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": place}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        yield Cluster(
            [str(folder / "postgres"), "-D", str(data), *options],
            run,
            [str(folder / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)],
            f"postgresql://exchange@127.0.0.1:{port}/postgres",
            place / "log",
        )
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The address of a fresh server's first database."""
    with cluster() as files:
        with files.log.open("wb") as log:
            process = subprocess.Popen(files.line, stdout=log, stderr=log, **files.run)
        try:
            end = time.monotonic() + START_S
            while not files.is_ready():
                if time.monotonic() > end or process.poll() is not None:
                    pytest.fail(files.log.read_text())
                time.sleep(0.05)
            yield files.url
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nobody needs the files any more
            process.wait(START_S)
