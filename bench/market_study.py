"""A study on two sellers of this machine, beside the same batch run here on two processors.

    python -m bench.market_study [--checks] [--as-shipped] [--works study dither] [--rounds 3]

Exchange (on SQLite, with TLS), sellers (two orders, two processes) and buyer (the engine market)
share the processors, as they would in `make market`. The time is that from the first picture given
to the last result, by `Program.map` both times, in turn, after a small batch has had the kernel
compiled. Every result is compared. Without `--checks` sellers are trusted from the first task on
(probation 0, share 0); with it the exchange checks as it does unless told otherwise.

A seller is in the idle class (nice 19, SCHED_IDLE), the run here is not: whoever else uses the
machine would slow down only one of them. So the sellers are run in the class of everybody else,
unless `--as-shipped`. Processor time is that of all processes together: where somebody else is
busy too, the quotient of those says more than that of the times.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cpushare
from cpushare.market.keys import KeyPair
from cpushare.market.order import SellOrder, write_order
from cpushare.wire.client import ExchangeClient

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cpushare.program import Program, Result

EXAMPLES = Path(__file__).parents[1] / "examples"
WORKS = {
    "study": (256, 600, "much work on small pictures"),
    "dither": (512, 600, "little work on bigger pictures: moving them is most of it"),
}
"""Side of the pictures in pixels, how many, and what that shows."""
SELLERS = 2
WARM = 16
PATIENCE_S = 120.0
COMMAND = [sys.executable, "-m", "cpushare.command.main"]
SETTINGS = {
    "CPUSHARE_SELL_CPU_PRESSURE": "0",
    "CPUSHARE_SELL_MEMORY_PRESSURE": "0",
    "CPUSHARE_SELL_IO_PRESSURE": "0",
    "CPUSHARE_SELL_ON_BATTERY": "1",
    "CPUSHARE_PRICE": "1000",
    "CPUSHARE_BUDGET": "1000",
}
"""The sellers work however busy the machine is: it is busy with this."""


def wait_for(process: subprocess.Popen[bytes], log: Path, words: bytes, count: int = 1) -> None:
    """Until a process has said something so often. Raises `RuntimeError` if it does not."""
    until = time.monotonic() + PATIENCE_S
    while log.read_bytes().count(words) < count:
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(log.read_text())
        time.sleep(0.05)


@contextlib.contextmanager
def running(folder: Path, name: str, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A `cpushare` command while the block runs, and its log."""
    log = folder / f"{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen([*COMMAND, *words], stdout=file, stderr=file)
    try:
        yield process, log
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def call(*words: str) -> None:
    """A `cpushare` command that ends."""
    subprocess.run([*COMMAND, *words], check=True, stdout=subprocess.DEVNULL)


def make_exchange(folder: Path, *, checks: bool) -> str:
    """The folder of an exchange, and a buyer's account; gives the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"https://127.0.0.1:{free.getsockname()[1]}"
    place = folder / "exchange"
    call("exchange", "init", str(place), "--address", address)
    if not checks:
        config = place / "config.toml"
        text = config.read_text()
        text = text.replace("probation = 20\nshare = 0.1", "probation = 0\nshare = 0.0")
        assert "probation = 0" in text
        config.write_text(text)
    call("account", "new")
    return address


@contextlib.contextmanager
def market(folder: Path, *, checks: bool, as_shipped: bool) -> Iterator[None]:
    """An exchange and its sellers while the block runs; the settings name them."""
    from cpushare.buyer.accounts import load_account
    from cpushare.buyer.exchanges import certificate_of

    os.environ |= {**SETTINGS, "CPUSHARE_SELL_YIELDS": str(int(as_shipped))}
    for kind in ("CONFIG", "STATE"):
        os.environ[f"XDG_{kind}_HOME"] = str(folder / kind.lower())
    address = make_exchange(folder, checks=checks)
    place = folder / "exchange"
    account = load_account("default")
    call("exchange", "mint", str(place), account.name, "1000000", "--reason", "a benchmark")
    with contextlib.ExitStack() as stack:
        process, log = stack.enter_context(
            running(folder, "serve", "exchange", "serve", str(place))
        )
        wait_for(process, log, b"the exchange is at")
        certificate = certificate_of(address)
        os.environ |= {"CPUSHARE_EXCHANGE": address, "CPUSHARE_CERTIFICATE": certificate}
        with ExchangeClient(address, account, certificate=certificate) as client:
            key = client.info().key
        for number in range(SELLERS):
            pair = KeyPair.load_or_make(folder / f"{number}.key")
            order = folder / f"{number}.cpu"
            order.write_text(
                write_order(SellOrder(address, key, pair.name, 1, certificate=certificate), pair)
            )
            words = ("sell", "--state", str(folder / f"seller {number}"), str(order))
            process, log = stack.enter_context(running(folder, f"seller {number}", *words))
            wait_for(process, log, b"enrolled")
        yield


def pictures(side: int, count: int, seed: int) -> list[NDArray[Any]]:
    """Noise: nobody has seen these before, so that nothing is known already."""
    import numpy as np

    random = np.random.default_rng(seed)
    return [random.integers(0, 256, (side, side), np.uint8) for _ in range(count)]


def processor_s() -> float:
    """Processor time of this process and of all that it has started and they have, in seconds."""
    ticks, waiting = 0, [os.getpid()]
    while waiting:
        task = Path("/proc") / str(waiting.pop())
        with contextlib.suppress(OSError):
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
            for thread in (task / "task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
    return ticks / os.sysconf("SC_CLK_TCK")


def run(
    program: Program, images: list[NDArray[Any]], engine: str
) -> tuple[float, float, list[Result]]:
    """Seconds for all of them, seconds of processors, and the results."""
    used, began = processor_s(), time.perf_counter()
    found = list(program.map(images, engine=engine, jobs=SELLERS, cache=False, serpentine=True))
    return time.perf_counter() - began, processor_s() - used, found


def same(a: Result, b: Result) -> bool:
    """Whether two results have the same bits."""
    import numpy as np

    return repr(a.record) == repr(b.record) and all(
        np.array_equal(image, b.outputs[name]) for name, image in a.outputs.items()
    )


def measure(work: str, rounds: int, tasks: int) -> None:
    """Print how one work compares, the best of some rounds."""
    side, count, shows = WORKS[work]
    count = tasks or count
    program = cpushare.compile(EXAMPLES / f"{work}.cps")
    for engine in ("local", "market"):
        run(program, pictures(side, WARM, 1_000_000), engine)
    seconds: dict[str, list[float]] = {"local": [], "market": []}
    used: dict[str, list[float]] = {"local": [], "market": []}
    for number in range(rounds):
        images = pictures(side, count, number)
        found = {}
        for engine in seconds:
            took_s, used_s, found[engine] = run(program, images, engine)
            seconds[engine].append(took_s)
            used[engine].append(used_s)
            print(f"  {work} {engine}: {took_s:.2f} s, {used_s:.2f} s of processors", flush=True)
        assert all(map(same, found["local"], found["market"]))
    here, there = min(seconds["local"]), min(seconds["market"])
    print(
        f"{work:8} {count} pictures of {side}²: here {here:.2f} s ({1000 * here / count:.1f} ms "
        f"each), market {there:.2f} s: {here / there:.2f} × the speed, "
        f"{min(used['local']) / min(used['market']):.2f} by processor time ({shows})",
        flush=True,
    )


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description="A study on two local sellers.")
    parser.add_argument("--works", nargs="*", choices=list(WORKS), default=list(WORKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=0)
    parser.add_argument("--checks", action="store_true")
    parser.add_argument("--as-shipped", action="store_true")
    given = parser.parse_args()
    policy = "with the usual checks" if given.checks else "sellers trusted: probation 0, share 0"
    kind = "as shipped" if given.as_shipped else "not"
    print(f"{SELLERS} sellers ({kind} in the idle class), one exchange on SQLite; {policy}")
    with (
        tempfile.TemporaryDirectory() as name,
        market(Path(name), checks=given.checks, as_shipped=given.as_shipped),
    ):
        for work in given.works:
            measure(work, given.rounds, given.tasks)


if __name__ == "__main__":
    main()
