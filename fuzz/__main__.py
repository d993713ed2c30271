"""`python -m fuzz`: every target for some minutes, then property tests with new random examples.

    python -m fuzz --minutes 30         half of it coverage-guided, half property tests
    python -m fuzz TARGET [libFuzzer's options …]       one target, in this process

What breaks is written to out/fuzz/TARGET/crash-…, and is to become a case of the test suite.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from fuzz import NAMES, ROOT

OUT = ROOT / "out" / "fuzz"
CORPUS = ROOT / "fuzz" / "corpus"
MEMORY_MB = 4096
TIMEOUT_S = 120  # of wall time: a busy machine is no finding, an exponential parser is
EXAMPLES_A_ROUND = 500


def fuzz_one(name: str, options: list[str]) -> None:
    """Fuzz in this process until libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["vm", "compiler", "cpushare"]):
        from fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *options], TARGETS[name].run)
    atheris.Fuzz()


def seeded(name: str) -> list[str]:
    """The folders with inputs of a target: one that grows, then those to begin with."""
    from fuzz.targets import TARGETS

    grown, seeds = OUT / name / "corpus", OUT / name / "seeds"
    for folder in (grown, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for index, data in enumerate(TARGETS[name].seeds()):
        (seeds / f"{index:03}").write_bytes(data)
    kept = CORPUS / name
    return [str(grown), str(seeds), *([str(kept)] if kept.is_dir() else [])]


def run_target(name: str, seconds: int) -> tuple[str, int, int]:
    """Fuzz in a process of its own; the target, its exit code, how many inputs it tried."""
    folder = OUT / name
    options = [
        f"-max_total_time={seconds}", f"-artifact_prefix={folder}/", f"-timeout={TIMEOUT_S}",
        f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1", "-max_len=16384",
    ]  # fmt: skip
    command = [sys.executable, "-m", "fuzz", name, *options, *seeded(name)]
    log = folder / "log.txt"
    with log.open("w") as file:
        ended = subprocess.run(command, cwd=ROOT, stdout=file, stderr=file, check=False)
    tried = 0
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("stat::number_of_executed_units:"):
            tried = int(line.split()[-1])
    return name, ended.returncode, tried


def coverage_guided(seconds: float, processes: int) -> tuple[bool, dict[str, int]]:
    """Every target in turn, several at once; whether all held, and how much was tried."""
    each = max(5, int(seconds * processes / len(NAMES)))
    held, tried = True, {}
    with ThreadPoolExecutor(processes) as pool:
        for name, code, count in pool.map(lambda name: run_target(name, each), NAMES):
            tried[name] = count
            held = held and code == 0
            state = "held" if code == 0 else f"BROKE, see out/fuzz/{name}"
            print(f"{name:<10} {count:>10,} inputs in {each} s: {state}", flush=True)
    return held, tried


def property_tests(seconds: float, processes: int) -> tuple[bool, int]:
    """Rounds of property tests, with new examples in each, until the time is over."""
    until = time.monotonic() + seconds
    rounds = 0
    while rounds == 0 or time.monotonic() < until:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "fuzz",
            "-n",
            str(processes),
            "tests",
        ]
        environment = {**os.environ, "FUZZ_EXAMPLES": str(EXAMPLES_A_ROUND)}
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            return False, rounds
        rounds += 1
    return True, rounds


def main() -> int:
    """Fuzz; 1 if something broke."""
    if len(sys.argv) > 1 and sys.argv[1] in NAMES:
        fuzz_one(sys.argv[1], sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", choices=["targets", "properties"])
    options = parser.parse_args()
    processes = len(os.sched_getaffinity(0))
    half = options.minutes * (60 if options.only else 30)
    held, rounds = True, 0
    tried: dict[str, int] = {}
    if options.only != "properties":
        held, tried = coverage_guided(half, processes)
    if options.only != "targets":
        good, rounds = property_tests(half, processes)
        held = held and good
    OUT.mkdir(parents=True, exist_ok=True)
    report = {"held": held, "inputs": tried, "rounds": rounds, "examples": EXAMPLES_A_ROUND}
    (OUT / "report.json").write_text(json.dumps(report))
    print("nothing was found" if held else "something was found")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
