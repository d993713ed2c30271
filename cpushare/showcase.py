"""`make market`: a whole market on this machine, with a real study, from its beginning to its end.

python -m cpushare.showcase [--out DIR] [--tiles N] [--stay]

An exchange on SQLite, two sellers from one copied `.cpu` file, a buyer with a study of some hundred
tiles of the demo photograph: how far does Floyd–Steinberg error diffusion shift a picture? Every
step is a command that a user would type, printed as it is run. Keys, state and results stay in the
folder; the user's own are not touched. All that is started is ended.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cpushare.demo import photograph, say
from vm.errors import CPUShareError, SandboxBroken

STUDY = Path(__file__).parents[1] / "examples" / "study.cps"
TILE, STEP = 128, 32
PRICE, COINS = 1_000, 100
START_S, STUDY_S, STOP_S = 30.0, 900.0, 20.0


class Place:
    """The folder of a market, and its commands: `cpushare` with homes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        homes = {f"XDG_{name}_HOME": str(folder / "home" / name.lower()) for name in HOMES}
        self.environment = {**os.environ, **homes}

    def line(self, *words: object) -> list[str]:
        """The command line of `cpushare` with these words."""
        return [sys.executable, "-m", "cpushare.command.main", *map(str, words)]

    def run(self, *words: object, shows: bool = False) -> str:
        """Run a command, and give what it prints. Raises `SandboxBroken` if it fails."""
        print(f"$ cpushare {shlex.join(map(str, words))}", flush=True)
        done = subprocess.run(
            self.line(*words),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=None if shows else subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            raise SandboxBroken(f"'cpushare {words[0]}' failed: {done.stderr or ''}")
        return done.stdout.strip()

    @contextlib.contextmanager
    def running(self, log: str, *words: object) -> Iterator[subprocess.Popen[bytes]]:
        """A command that goes on in the background, and is stopped at the end."""
        print(f"$ cpushare {shlex.join(map(str, words))} &", flush=True)
        with (self.folder / log).open("wb") as file:
            process = subprocess.Popen(
                self.line(*words), cwd=self.folder, env=self.environment, stdout=file, stderr=file
            )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


HOMES = ("CONFIG", "STATE", "CACHE", "DATA")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers. Raises `SandboxBroken` with its log if it does not."""
    host, _, port = address.rpartition("//")[2].partition(":")
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection((host, int(port)), 1).close()
            return
        time.sleep(0.05)
    raise SandboxBroken(f"the exchange does not begin: {log.read_text()[-500:]}")


def cut_tiles(folder: Path, most: int) -> int:
    """Write tiles of the demo photograph, overlapping; gives how many."""
    from cpushare.colour import to_gray
    from cpushare.writing import write_image

    gray = to_gray(photograph()[0])
    folder.mkdir(parents=True, exist_ok=True)
    height, width = gray.shape
    corners = [
        (y, x) for y in range(0, height - TILE + 1, STEP) for x in range(0, width - TILE, STEP)
    ]
    for number, (y, x) in enumerate(corners[:most]):
        write_image(str(folder / f"tile{number:03}.png"), gray[y : y + TILE, x : x + TILE])
    return min(most, len(corners))


def report(table: Path, plot: Path) -> None:
    """The study's table in a few lines, and its plot."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    print(f"\n{'order':>12} {'E · 10⁴':>9} {'E min · 10⁴':>12} {'dx':>6} {'dy':>6}  tiles")
    points = {}
    for serpentine, name in (("false", "raster"), ("true", "serpentine")):
        mine = [row for row in rows if row["serpentine"] == serpentine]
        means = [statistics.fmean(float(row[f]) for row in mine) for f in FIELDS]
        print(
            f"{name:>12} {means[0] * 1e4:9.3f} {means[1] * 1e4:12.3f} {means[2]:6.2f} "
            f"{means[3]:6.2f}  {len(mine)}"
        )
        points[name] = [(float(row["dx"]), float(row["dy"])) for row in mine]
    print()
    draw(points, plot)


FIELDS = ("e_in_place", "e_min", "dx", "dy")


def draw(points: dict[str, list[tuple[float, float]]], plot: Path) -> None:
    """Where each tile's halftone lies beside its original, in pixels."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 4.5), layout="constrained")
    for (name, places), mark in zip(points.items(), "o^", strict=True):
        counts = Counter((round(x, 3), round(y, 3)) for x, y in places)
        sizes = [30 + 600 * count / len(places) for count in counts.values()]
        right, down = zip(*counts, strict=True)
        colour = f"C{'o^'.index(mark)}"
        axes.scatter(right, down, s=sizes, marker=mark, alpha=0.6, color=colour)
        axes.scatter([], [], s=60, marker=mark, alpha=0.6, color=colour, label=name)
    axes.set(
        xlabel="dx, pixels", ylabel="dy, pixels", title="Displacement of least error, by tiles"
    )
    axes.set(xlim=(-0.5, 0.5), ylim=(0.5, -0.5), aspect="equal")
    axes.axhline(0, lw=0.5, color="gray")
    axes.axvline(0, lw=0.5, color="gray")
    axes.legend()
    figure.savefig(plot, dpi=120)


def show(place: Place, tiles: int, stay: bool) -> None:
    """The whole of it."""
    folder = place.folder
    count = cut_tiles(folder / "tiles", tiles)
    say("pictures", f"{count} tiles of {TILE} × {TILE}, of {photograph()[1]}")
    address = f"https://127.0.0.1:{free_port()}"
    place.run("exchange", "init", "exchange", "--address", address)
    with place.running("exchange.log", "exchange", "serve", "exchange") as server:
        wait_for(address, server, folder / "exchange.log")
        for name in ("buyer", "seller"):
            place.run("account", "new", "--account", name)
        buyer = place.run("account", "show", "--account", "buyer").split()[-1]
        mint = ("exchange", "mint", "exchange", buyer, COINS, "--reason", "for a first study")
        place.run(*mint)
        order = ("--credit", "seller", "--min-price", PRICE, "--exchange", address, "--yes")
        (folder / "one.cpu").write_text(place.run("order", "new", *order) + "\n")
        (folder / "two.cpu").write_text((folder / "one.cpu").read_text())
        with place.running("sellers.log", "sell", "one.cpu", "two.cpu", "--state", "sellers"):
            buy(place, count)
            print(place.run("sell", "--status", "--state", "sellers"))
        print(place.run("exchange", "audit", "exchange"))
        report(folder / "table.csv", folder / "plot.png")
        for name in ("buyer", "seller"):
            at = ("--account", name, "--exchange", "one.cpu")
            say(f"{name} has", place.run("account", "balance", *at))
        say("table", os.path.relpath(folder / "table.csv"))
        say("plot", os.path.relpath(folder / "plot.png"))
        say("halftones", os.path.relpath(folder / "halftones"))
        say("web page", f"{address} (its certificate is of its own making)")
        if stay:
            say("", "Ctrl-C ends it")
            with contextlib.suppress(KeyboardInterrupt):
                server.wait()
    say(
        "ended",
        f"sellers and exchange; 'cpushare exchange serve {os.path.relpath(folder)}/exchange' "
        "begins it again",
    )


def buy(place: Place, count: int) -> None:
    """Submit the study, follow it, fetch it."""
    grid = ("--grid", "serpentine=false,true")
    price = ("--price", PRICE, "--budget", COINS, "--account", "buyer", "--exchange", "one.cpu")
    named = ("--public", "--title", "Floyd–Steinberg, raster and serpentine")
    kernel = os.path.relpath(STUDY, place.folder)
    began = time.monotonic()
    job = place.run("submit", kernel, "tiles", *grid, *price, *named, shows=True).split()[-1]
    place.run("status", job, "--watch", shows=True)
    place.run("results", job, "-o", "halftones", "--table", "table.csv", "--wait", shows=True)
    say(
        "study",
        f"{2 * count} tasks in {time.monotonic() - began:.1f} s, by two sellers, and checked",
    )


def main() -> int:
    """Parse, show, and say what went wrong; gives the exit code."""
    parser = argparse.ArgumentParser(description="A whole market on this machine.")
    parser.add_argument("--out", type=Path, default=Path("out/market"), help="folder for all of it")
    parser.add_argument("--tiles", type=int, default=150, help="pictures of the study")
    parser.add_argument("--stay", action="store_true", help="keep serving until Ctrl-C")
    options = parser.parse_args()
    from cpushare.cpsc.lazy import report as report_error

    folder: Path = options.out.resolve() / time.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True)
    try:
        show(Place(folder), options.tiles, options.stay)
    except (CPUShareError, OSError, KeyboardInterrupt) as error:
        return report_error(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
