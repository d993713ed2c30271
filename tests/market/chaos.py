"""`make chaos`: a market whose processes are killed at random, and then counted.

python -m tests.market.chaos [--kills N] [--seed S] [--images N]

Studies are computed by two sellers at an exchange, on SQLite with one front end and on PostgreSQL
with two, while SIGKILL strikes sellers, front ends, checking workers, the database and the buyer:
whom and when is a seed's choice, as far as the machine allows. In the end every result is there,
once, with the bits that this machine computes; nothing was paid twice; the books are right, and
nothing is left in escrow.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from cpushare.cpsc.programs import load_program
from cpushare.exchange.commands.folder import certificate_hash
from cpushare.exchange.config import read_config
from cpushare.exchange.sql import open_store
from cpushare.market.keys import KeyPair
from cpushare.market.ledger import Balance
from cpushare.market.messages import Outcome, TaskState
from cpushare.market.outcomes import outcome_of
from cpushare.market.rasters import blob_name
from cpushare.market.states import JobState, Purpose
from cpushare.market.work import kernel_of
from cpushare.showcase import free_port
from cpushare.wire.client import ExchangeClient
from tests.market.crashing import Kept, children, of_folder, strike, strike_one
from tests.market.postgres import Cluster, cluster
from tests.market.selling import CALM, wait_for
from vm.inputs import Outputs

STUDY = Path(__file__).parents[2] / "examples" / "study.cps"
SIDE = 24
COINS = 1_000_000
GAP_S, ABSENT_S = 0.8, 5.0
"""Between kills, on the average; how long a victim that is not there is waited for."""
END_S = 300.0
HOMES = ("CONFIG", "STATE", "CACHE", "DATA")


class Size(NamedTuple):
    """How many kills, images a study, and the seed of the chances."""

    kills: int
    images: int
    seed: int


class Place:
    """The folder of a market: `run` calls `cpushare` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        homes = {f"XDG_{name}_HOME": str(folder / "home" / name.lower()) for name in HOMES}
        self.environment = {**os.environ, **homes, **CALM}

    def line(self, *words: object) -> list[str]:
        """A command line."""
        return [sys.executable, "-m", "cpushare.command.main", *map(str, words)]

    def run(self, *words: object) -> str:
        """What a command prints."""
        done = subprocess.run(
            self.line(*words), cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def keep(self, name: str, *words: object) -> Kept:
        """A command that is started again whenever it ends."""
        log = self.folder / f"{name}.log"
        return Kept(name, self.line(*words), log, self.environment, cwd=self.folder)


def found_exchange(place: Place, names: list[str], database: str) -> None:
    """Folders of front ends of one exchange: the same keys, each with an address of its own."""
    for name in names:
        folder = place.folder / name
        if name != names[0]:
            folder.mkdir()
            for key in ("exchange.key", "operator.key", "checker.key"):
                shutil.copy2(place.folder / names[0] / key, folder / key)
        place.run("exchange", "init", name, "--address", f"https://127.0.0.1:{free_port()}")
        config = (folder / "config.toml").read_text()
        rates = re.sub(r"(?m)^(\w+_(rate|burst)) = .*$", r"\1 = 1e9", config)
        blobs = (place.folder / names[0] / "blobs").as_uri()
        shared = re.sub(r'(?m)^blobs = "[^"]*"', f'blobs = "{blobs}"', rates)
        if database:
            shared = re.sub(r'(?m)^database = "[^"]*"', f'database = "{database}"', shared)
        (folder / "config.toml").write_text(shared)


class Buyer(threading.Thread):
    """Submits study after study until told that one is the last, and fetches the results.

    Whatever ends otherwise than well is called again: that is all a user has to do.
    """

    def __init__(self, place: Place, images: Path, exchange: str) -> None:
        super().__init__(name="buyer", daemon=True)
        self.place, self.images, self.exchange = place, images, exchange
        self.process: subprocess.Popen[str] | None = None
        self.jobs: dict[str, float] = {}
        self.is_last = False
        self.again = 0

    def run(self) -> None:
        """Studies, each with another width of the filter."""
        while not self.is_last:
            sigma = 1.0 + len(self.jobs) / 16
            terms = ("--price", 1000, "--budget", COINS // 100, "--exchange", self.exchange)
            which = ("submit", STUDY, self.images, "-p", f"sigma={sigma}", *terms)
            job = self._until_well(*which, "--account", "buyer").split()[-1]
            self.jobs[job] = sigma
            to = self.place.folder / "results" / job
            table = self.place.folder / f"{job}.csv"
            self._until_well("results", job, "--wait", "-o", to, "--table", table)

    def _until_well(self, *words: object) -> str:
        while True:
            with (self.place.folder / "buyer.log").open("ab") as log:
                self.process = subprocess.Popen(
                    self.place.line(*words),
                    cwd=self.place.folder,
                    env=self.place.environment,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
            said = self.process.communicate()[0]
            if self.process.returncode == 0:
                return said
            self.again += 1
            time.sleep(0.2)


def paint(folder: Path, count: int) -> Path:
    """Small pictures."""
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE), np.uint8)
        Image.fromarray(pixels).save(folder / f"p{number:04}.png")
    return folder


class Market:
    """All that runs. `strikes` are what may be killed."""

    def __init__(self, place: Place, files: Cluster | None, size: Size) -> None:
        self.place, self.size = place, size
        self.random = random.Random(size.seed)
        self.names = ["front"] if files is None else ["front", "other"]
        self.database: Kept | None = None
        if files is not None:
            env = files.run["env"]
            run = {name: value for name, value in files.run.items() if name != "env"}
            self.database = Kept("database", files.line, files.log, env, **run)
            wait_for(files.is_ready)
        found_exchange(place, self.names, files.url if files else "")
        for account in ("buyer", "seller"):
            place.run("account", "new", "--account", account)
        self.fronts = [place.keep(name, "exchange", "serve", name) for name in self.names]
        wait_for(self._is_open)
        buyer = place.run("account", "show", "--account", "buyer").split()[-1]
        place.run("exchange", "mint", "front", buyer, COINS, "--reason", "for chaos")
        self.sellers = [self._seller(number) for number in range(2)]
        images = paint(place.folder / "images", size.images)
        self.buyer = Buyer(place, images, str(place.folder / "front" / "checker.cpu"))

    def _is_open(self) -> bool:
        return all(
            "the exchange is at" in (self.place.folder / f"{name}.log").read_text()
            for name in self.names
        )

    def _seller(self, number: int) -> Kept:
        name = self.names[number % len(self.names)]
        exchange = ("--exchange", self.place.folder / name / "checker.cpu")
        order = self.place.run(
            "order", "new", "--credit", "seller", "--min-price", 1, *exchange, "--yes"
        )
        path = self.place.folder / f"seller{number}.cpu"
        path.write_text(order + "\n")
        state = self.place.folder / f"seller{number}"
        return self.place.keep(f"seller{number}", "sell", path, "--state", state)

    def strikes(self) -> dict[str, Callable[[], bool]]:
        """Ways to kill something; each says whether there was anything to kill."""
        draw = self.random.choice

        def backend() -> bool:
            assert self.database is not None
            mine = children(self.database.pid, lambda line: line.startswith("postgres: exchange"))
            return strike_one(mine, draw)

        ways: dict[str, Callable[[], bool]] = {each.name: each.kill for each in self.sellers}
        ways |= {each.name: each.kill for each in self.fronts}
        ways["checker"] = lambda: strike_one(self.checkers(), draw)
        ways["buyer"] = lambda: strike(self.buyer.process)
        if self.database is not None:
            ways["backend"] = backend
            ways["database"] = self.database.kill
        return ways

    def checkers(self) -> list[int]:
        """The exchange's own workers."""
        return [
            pid
            for front in self.fronts
            for pid in children(front.pid, lambda line: "checker.cpu" in line)
        ]

    def suffer(self) -> Counter[str]:
        """A study after another, and so many kills; gives who was killed how often."""
        self.buyer.start()
        killed: Counter[str] = Counter()
        ways = self.strikes()
        bag: list[str] = []
        while killed.total() < self.size.kills:
            bag = bag or self.random.sample(sorted(ways), len(ways))
            victim = bag.pop()
            time.sleep(self.random.expovariate(1 / GAP_S))
            until = time.monotonic() + ABSENT_S
            while not (is_struck := ways[victim]()) and time.monotonic() < until:
                time.sleep(0.02)
            killed[victim] += is_struck
        self.buyer.is_last = True
        self.buyer.join(END_S)
        assert not self.buyer.is_alive(), f"the last study does not end\n{self.tail()}"
        return killed

    def tail(self) -> str:
        """The last lines of every log."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}"
            for log in sorted(self.place.folder.glob("*.log"))
        )

    def stop(self) -> None:
        """End all, in good order; nothing is left."""
        for kept in (*self.sellers, *self.fronts):
            kept.stop()
        assert of_folder(self.place.folder) == []


def check_results(market: Market) -> int:
    """Every result is there, once, and has the bits that this machine computes; how many."""
    place = market.place
    with contextlib.closing(load_program(str(STUDY))) as program:
        paths = sorted((place.folder / "images").iterdir())
        pictures = [np.asarray(Image.open(path)) for path in paths]
        kernel = kernel_of(program.verified, "study").kernel
        for job, sigma in market.buyer.jobs.items():
            local = list(program.map(pictures, "study", cache=False, sigma=sigma))
            right = [
                outcome_of(kernel, Outputs(each.outputs, each.record), blob_name) for each in local
            ]
            assert _outcomes(place, job) == right
            written = sorted((place.folder / "results" / job).rglob("*.png"))
            assert len(written) == len(pictures)
            for path, each in zip(written, local, strict=True):
                assert np.array_equal(np.asarray(Image.open(path)), each.halftone)
            assert len((place.folder / f"{job}.csv").read_text().splitlines()) == 1 + len(pictures)
    return len(market.buyer.jobs) * len(paths)


def _outcomes(place: Place, job: str) -> list[Outcome | None]:
    """What the exchange says of a job's tasks, in their order, each final and once."""
    front = place.folder / "front"
    config = read_config(front)
    pair = KeyPair.load(place.folder / "home" / "config" / "cpushare" / "accounts" / "buyer.key")
    certificate = certificate_hash(front, config)
    with ExchangeClient(config.address, pair, certificate=certificate) as client:
        status = client.status(job)
        assert (status.state, status.failed) == ("done", 0)
        assert status.paid + status.refunded == status.reserved
        states: dict[int, TaskState] = {}
        after = 0
        while page := client.results(job, after):
            if page.after == after or not page.results:
                break
            after = page.after
            states |= {each.index: each for each in page.results}
    assert all(each.is_final for each in states.values())
    return [states[index].outcome for index in range(status.tasks)]


async def check_books(url: str, tasks: int) -> None:
    """Each task was paid once; all coins are somewhere, and none in a job's escrow."""
    store = await open_store(url)
    try:
        async with store.reading() as books:
            paid = Counter(
                [
                    (each.job, each.index)
                    async for each in books.every_paid()
                    if each.purpose is Purpose.FIRST
                ]
            )
            balances = {each.account: each async for each in books.every_balance()}
            jobs = [job async for job in books.every_job()]
    finally:
        await store.close()
    assert (len(paid), set(paid.values())) == (tasks, {1})
    assert sum(each.credits - each.debits for each in balances.values()) == 0
    for job in jobs:
        left = balances.get(job.escrow, Balance(job.escrow))
        assert job.state is JobState.DONE
        assert (left.credits - left.debits, left.debits_pending) == (0, 0)


@contextlib.contextmanager
def market(folder: Path, has_postgres: bool, size: Size) -> Iterator[tuple[Market, str]]:
    """A market, and its database's address. All that runs ends with the block."""
    with contextlib.ExitStack() as stack:
        files = stack.enter_context(cluster()) if has_postgres else None
        running = Market(Place(folder), files, size)
        try:
            yield running, files.url if files else f"sqlite:///{folder}/front/exchange.sqlite"
        finally:
            for kept in (*running.sellers, *running.fronts):
                kept.stop(signal.SIGKILL)
            strike(running.buyer.process)
            if running.database is not None:
                running.database.stop(signal.SIGQUIT)


def endure(folder: Path, has_postgres: bool, size: Size) -> str:
    """One run on one database; gives a line about it."""
    began = time.monotonic()
    with market(folder, has_postgres, size) as (running, url):
        killed = running.suffer()
        tasks = check_results(running)
        running.place.run("exchange", "audit", "front")
        running.stop()
        asyncio.run(check_books(url, tasks))
        whom = ", ".join(f"{name} {count}" for name, count in sorted(killed.items()) if count)
        return (
            f"{'PostgreSQL, two front ends' if has_postgres else 'SQLite'}: {killed.total()} kills "
            f"({whom}); {tasks} tasks of {len(running.buyer.jobs)} studies, each there once, right "
            f"and paid once; {time.monotonic() - began:.0f} s"
        )


def main() -> int:
    """Both databases, one after the other."""
    parser = argparse.ArgumentParser(description="Kill a market's processes, and count.")
    parser.add_argument("--kills", type=int, default=100, help="SIGKILLs for each database")
    parser.add_argument("--images", type=int, default=300, help="pictures of each study")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    size = Size(options.kills, options.images, options.seed)
    for has_postgres in (False, True):
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            print(endure(Path(folder), has_postgres, size), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
