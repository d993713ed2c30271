"""Two front ends over one PostgreSQL database: both answer, and what one did the other knows."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

from cpushare.command.main import cpushare
from cpushare.cpsc.lazy import run_command
from cpushare.market.keys import KeyPair
from cpushare.wire.client import ExchangeClient
from tests.market.conftest import emptied
from tests.market.parties import pair

SERVE = (sys.executable, "-m", "cpushare.command.main", "exchange", "serve")


def run(*words: str) -> int:
    return run_command(cpushare, "cpushare", ["exchange", *words])


def children(pid: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def sockets(pid: int) -> int:
    links = Path(f"/proc/{pid}/fd").iterdir()
    return sum(link.readlink().name.startswith("socket:") for link in links if link.is_symlink())


def test_two_front_ends_serve_one_database(tmp_path: Path, postgres: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder, address = tmp_path / "exchange", f"https://127.0.0.1:{port}"
    assert run("init", str(folder), "--address", address) == 0
    assert run("serve", str(folder), "--front-ends", "2") == 2  # SQLite: it says why
    config = folder / "config.toml"
    given = next(x for x in config.read_text().splitlines() if x.startswith("database"))
    config.write_text(config.read_text().replace(given, f'database = "{emptied(postgres)}"'))
    pem = (folder / "certificate.pem").read_text()
    pinned = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    line = (*SERVE, str(folder), "--no-checker", "--front-ends", "2")
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
        try:
            _until_served(address, pair("buyer"), pinned)
            assert run("mint", str(folder), pair("buyer").name, "2", "--reason", "a test") == 0
            (second,) = children(process.pid)
            with contextlib.ExitStack() as stack:
                before = [sockets(pid) for pid in (process.pid, second)]
                for _ in range(24):
                    client = ExchangeClient(address, pair("buyer"), certificate=pinned)
                    assert stack.enter_context(client).balance().available == 2_000_000
                after = [sockets(pid) for pid in (process.pid, second)]
            assert before[0] < after[0]  # each has some of the 24
            assert before[1] < after[1]
            os.kill(second, signal.SIGKILL)
            end = time.monotonic() + 30
            while (now := children(process.pid)) in ([second], []) and time.monotonic() < end:
                time.sleep(0.05)
            assert now not in ([second], [])  # it is started again
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _until_served(address: str, who: KeyPair, pinned: str) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            with ExchangeClient(address, who, certificate=pinned) as client:
                client.info()
            return
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
