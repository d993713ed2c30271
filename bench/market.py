"""What an exchange carries, its clients included: `make bench-market`, on SQLite and PostgreSQL.

Over TLS on loopback, sellers in processes of their own (bench/market_load.py), signatures, real
ledger, 10 % of results checked: everything but the computing. `--only` measures one database,
`--write` makes docs/benchmarks-market.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from bench.machine import cpu_model, revision
from bench.market_load import Crowd, Load
from bench.market_store import transfers_per_second
from cpushare.exchange.commands.folder import certificate_hash
from cpushare.exchange.config import read_config
from cpushare.market.keys import KeyPair
from cpushare.market.messages import JobOrder, JobStatus, encode
from cpushare.market.rasters import blob_name
from cpushare.wire.client import ExchangeClient
from tests.market.postgres import server as postgres_server
from tests.market.trading import PICTURE, levels, program

HERE = Path(__file__).parent.parent
WARM_UP, ONE_BY_ONE, BATCHES, WHOLE = 800, 3_000, 20_000, 10_000
SELLERS, BUSY, IDLE = 16, 500, 5_000
BUSY_S, BUSY_FOR_S = 2.0, 20.0
LONGEST_S = 120.0
HEAD = "| what | floor | {} |\n|---|---|{}|"


class Line(Struct, frozen=True):
    """One line of the table."""

    what: str
    floor: str
    measured: str
    is_met: bool


class Exchange:
    """A running `cpushare exchange serve`, and a buyer with coins."""

    def __init__(self, folder: Path, address: str, pid: int) -> None:
        self.folder = folder
        self.address = address
        self.pid = pid
        self.first = 0
        pair = KeyPair.load_or_make(folder / "buyer.key")
        pin = certificate_hash(folder, read_config(folder))
        self.buyer = ExchangeClient(address, pair, certificate=pin)

    def load(self, sellers: int, **fields: object) -> list[Load]:
        """Two processes of sellers."""
        exchange = KeyPair.load(self.folder / "exchange.key").name
        base = (self.address, self.folder / "certificate.pem", exchange)
        half = sellers // 2
        return [
            Load(*base, n * half, half, blob_name(PICTURE), **fields)  # type: ignore[arg-type]
            for n in range(2)
        ]

    def submit(self, tasks: int, trust: str = "spot") -> JobStatus:
        """A job whose tasks nobody has computed before."""
        parameters = levels(self.first, tasks)
        self.first += tasks
        inputs = [{"src": blob_name(PICTURE)}]
        names = (blob_name(program()), "invert")
        order = JobOrder(*names, parameters, inputs, 1_000_000_000, 1 << 49, trust)
        return self.buyer.submit(encode(order))

    def until_done(self, job: JobStatus) -> float:
        """Wait until everything is paid; gives when that was."""
        end = time.monotonic() + LONGEST_S
        while (found := self.buyer.status(job.job)).state == "running":
            assert time.monotonic() < end, found
            time.sleep(0.1)
        assert found.final == job.tasks, found
        return found.ended

    def memory_mb(self) -> float:
        """What all front ends have in memory."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        total = 0
        for pid in (self.pid, *map(int, children)):
            status = Path(f"/proc/{pid}/status").read_text()
            total += int(status.split("VmRSS:")[1].split()[0])
        return total / 1000


@contextmanager
def exchange(folder: Path, database: str, front_ends: int) -> Iterator[Exchange]:
    """An exchange that runs while the block does."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"https://127.0.0.1:{free.getsockname()[1]}"
    cpushare = (sys.executable, "-m", "cpushare.command.main", "exchange")
    subprocess.run([*cpushare, "init", folder, "--address", address], check=True, stdout=-3)
    config = folder / "config.toml"
    lines = []
    for line in config.read_text().splitlines():
        name = line.split(" ")[0]
        if name in ("key_rate", "key_burst", "address_rate", "address_burst"):
            line = f"{name} = 1e9"
        elif name == "database" and database:
            line = f'database = "{database}"'
        lines.append(line)
    config.write_text("\n".join(lines))
    buyer = KeyPair.load_or_make(folder / "buyer.key").name
    serve = [*cpushare, "serve", str(folder), "--no-checker", "--front-ends", str(front_ends)]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(serve, stderr=log, start_new_session=True)
    try:
        found = Exchange(folder, address, process.pid)
        _until_up(found)
        words = ("mint", folder, buyer, "1000000000", "--reason", "a measurement")
        subprocess.run([*cpushare, *words], check=True, stdout=-3)
        found.buyer.upload([program(), PICTURE])
        yield found
        subprocess.run([*cpushare, "audit", folder], check=True)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _until_up(found: Exchange) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            found.buyer.info()
            return
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def measure(found: Exchange) -> Iterator[Line]:
    """All that goes over the wire."""
    with Crowd(found.load(SELLERS)) as crowd:  # until they are trusted
        crowd.begin()
        found.until_done(found.submit(WARM_UP, "pair"))
    for batch, tasks, floor in ((1, ONE_BY_ONE, 500), (50, BATCHES, 10_000)):
        with Crowd(found.load(SELLERS, batch=batch)) as crowd:
            assert crowd.trusted == SELLERS, f"{crowd.trusted} of {SELLERS} are trusted"
            job = found.submit(tasks)
            crowd.begin()
            found.until_done(job)
        rate = tasks / (crowd.seen.ended - crowd.seen.began)
        yield Line(
            f"tasks a second, {batch} a lease", f"≥ {floor:,}", f"{rate:,.0f}", rate >= floor
        )
    with Crowd(found.load(SELLERS, batch=250, wait_s=25)) as crowd:
        crowd.begin()
        began = time.time()
        took_s = found.until_done(found.submit(WHOLE)) - began
    what = f"{WHOLE:,} one-image tasks submitted, dispatched, checked, paid"
    yield Line(what, "≤ 2 s", f"{took_s:.2f} s", took_s <= 2)
    with Crowd(found.load(BUSY, work_s=BUSY_S, wait_s=25)) as crowd:
        found.submit(int(BUSY * 2 * BUSY_FOR_S), "pair")
        crowd.begin()
        time.sleep(BUSY_FOR_S)
    times = crowd.seen.answers_s
    late_s = times[int(len(times) * 0.99)]
    what = f"p99 of a lease, {BUSY} sellers busy {BUSY_S:.0f} s each time"
    yield Line(what, "≤ 0.5 s", f"{late_s:.3f} s", late_s <= 0.5)
    for job in found.buyer.jobs():
        if job.state == "running":
            found.buyer.cancel(job.job)
    with Crowd(found.load(IDLE, wait_s=25)) as crowd:
        crowd.begin()
        most = 0.0
        for _ in range(40):  # longer than a long poll
            time.sleep(1)
            most = max(most, found.memory_mb())
    yield Line(f"memory with {IDLE:,} idle sellers", "< 600 MB", f"{most:.0f} MB", most < 600)


def run(name: str, url: str, front_ends: int) -> list[Line]:
    """Measure one database, and say so line by line."""
    lines = []
    with tempfile.TemporaryDirectory() as place:
        with exchange(Path(place) / "exchange", url, front_ends) as found:
            for line in measure(found):
                lines.append(line)
                print(f"{name:10} {line.what}: {line.measured} ({line.floor})", flush=True)
        database = url or f"sqlite:///{place}/exchange/exchange.sqlite"
        rate = asyncio.run(transfers_per_second(database))
    lines.append(
        Line("ledger transfers a second, batched", "≥ 30,000", f"{rate:,.0f}", rate >= 30_000)
    )
    print(f"{name:10} {lines[-1].what}: {lines[-1].measured}", flush=True)
    return lines


def main() -> None:
    """Measure both; ends with 1 if a floor is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"))
    parser.add_argument("--front-ends", type=int, default=2, help="on PostgreSQL")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    found: dict[str, list[Line]] = {}
    if chosen.only != "PostgreSQL":
        found["SQLite"] = run("SQLite", "", 1)
    if chosen.only != "SQLite":
        with postgres_server() as url:
            found["PostgreSQL"] = run("PostgreSQL", url, chosen.front_ends)
    table = _table(found)
    print(table)
    if chosen.write:
        (HERE / "docs" / "benchmarks-market.md").write_text(table)
    sys.exit(not all(line.is_met for lines in found.values() for line in lines))


def _table(found: dict[str, list[Line]]) -> str:
    rows = [HEAD.format(" | ".join(found), "---|" * (len(found) - 1) + "---")]
    for lines in zip(*found.values(), strict=True):
        rows.append(
            f"| {lines[0].what} | {lines[0].floor} | "
            + " | ".join(each.measured + ("" if each.is_met else " (missed)") for each in lines)
            + " |"
        )
    machine = (
        f"{cpu_model()}, {os.cpu_count()} cores with {os.getloadavg()[2]:.1f} processes on them, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"revision {revision()}"
    )
    return (
        "# What an exchange carries\n\n"
        "Measured by `make bench-market`: one machine with everything on it, sellers, buyer and\n"
        "database, over TLS, signed, with fsync. Sellers compute nothing. On PostgreSQL two front\n"
        "ends serve.\n\n" + "\n".join(rows) + f"\n\n{machine}\n"
    )


if __name__ == "__main__":
    main()
