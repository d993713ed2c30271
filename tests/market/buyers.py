"""A buyer for tests: an account with coins, a folder of pictures, and the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from structlog.testing import capture_logs

from cpushare.buyer import records
from cpushare.buyer.accounts import load_account, new_account
from cpushare.command.main import cpushare as root
from cpushare.cpsc.lazy import run_command
from cpushare.market.keys import KeyPair
from cpushare.market.trust import TrustPolicy
from tests.cpushare.cli import Said, streams
from tests.market.serving import Served, served
from tests.market.workers import Change, Worker, honest, working

COINS = 1_000_000_000
STATS = """record Row { total: i64, mean: f64 }

kernel stats(in src: image<u8>, out dst: image<u8>(src.width, src.height),
    param by: f64 = 1.0, param least: i32 = 0) -> Row {
    require(i32(src[0, 0]) >= least, "too dark");
    map (x, y) in dst { dst[x, y] = src[x, y]; }
    let total = sum(i64(src[x, y]) for (x, y) in src);
    return Row(total, f64(total) / by);
}
"""


def cpushare(*arguments: object) -> Said:
    """Call `cpushare` in this process."""
    with streams(b"") as (out, err):
        code = run_command(root, "cpushare", [str(argument) for argument in arguments])
        sys.stdout.flush()
        sys.stderr.flush()
        return Said(code, out.getvalue(), err.getvalue().decode())


def at_home(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let settings, keys, state and caches be in a folder."""
    for kind in ("CONFIG", "STATE", "CACHE"):
        patch.setenv(f"XDG_{kind}_HOME", str(folder / kind.lower()))


def pictures(folder: Path, count: int = 3) -> Path:
    """A folder of small gray pictures; the first pixel of number k is 40 k."""
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (9 + number, 14), np.uint8)
        pixels[0, 0] = 40 * number
        Image.fromarray(pixels).save(folder / f"p{number}.png")
    return folder


@dataclass
class Buyer:
    """A buyer, where its things are, and the exchange it deals with."""

    home: Path
    pair: KeyPair
    exchange: Served

    @property
    def images(self) -> Path:
        return self.home / "pictures"

    @property
    def program(self) -> Path:
        return self.home / "stats.cps"

    def submit(self, *arguments: object) -> str:
        """Submit the study of the pictures; gives the job."""
        terms = ("--price", 1_000_000, "--budget", 5, *arguments)
        said = cpushare("submit", self.program, self.images, *terms)
        assert said.code == 0, said.err
        return said.out.strip()

    def record(self, job: str) -> records.JobRecord:
        return records.of_job(job)

    def balance(self) -> int:
        with self.exchange.client(self.pair) as client:
            return client.balance().available


@contextmanager
def buying(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Buyer]:
    """A buyer at an exchange that runs while the block does, and says nothing in between."""
    at_home(folder, patch)
    new_account("default")
    pictures(folder / "pictures")
    (folder / "stats.cps").write_text(STATS)
    with capture_logs(), served(policy=TrustPolicy(patience_s=0.0)) as exchange:
        patch.setenv("CPUSHARE_EXCHANGE", exchange.address)
        buyer = Buyer(folder, load_account("default"), exchange)
        exchange.fund(buyer.pair.name, COINS)
        yield buyer


@contextmanager
def sellers(exchange: Served, *changes: Change, has_checker: bool = True) -> Iterator[list[Worker]]:
    """Workers, two honest ones unless others are named, and the exchange's own."""
    with ExitStack() as stack:
        found = [
            stack.enter_context(working(exchange, f"seller {number}", change))
            for number, change in enumerate(changes or (honest, honest))
        ]
        if has_checker:
            stack.enter_context(working(exchange, "checker", key=exchange.checker))
        yield found
