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
from typing import Any

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


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The address of a fresh server's first database."""
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
    process: subprocess.Popen[bytes] | None = None
    try:
        data = place / "data"
        run: dict[str, Any] = {
            **user,
            "cwd": place,
            "env": {"LC_ALL": "C", "PATH": os.environ["PATH"]},
        }
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
        options: list[Any] = [
            part for name, value in settings.items() for part in ("-c", f"{name}={value}")
        ]
        log = (place / "log").open("wb")
        process = subprocess.Popen(
            [folder / "postgres", "-D", data, *options], stdout=log, stderr=log, **run
        )
        log.close()
        end = time.monotonic() + START_S
        ready: list[Any] = [folder / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        while subprocess.run(ready).returncode:
            if time.monotonic() > end or process.poll() is not None:
                pytest.fail((place / "log").read_text())
            time.sleep(0.05)
        yield f"postgresql://exchange@127.0.0.1:{port}/postgres"
    finally:
        if process is not None:
            process.send_signal(signal.SIGQUIT)  # at once: nobody needs the files any more
            process.wait(START_S)
        shutil.rmtree(place, ignore_errors=True)
