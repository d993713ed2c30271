"""docs/assurance.md: what was tried, and what is left. Made by `make assurance`.

It puts together what the last runs left behind: the test suite's counts (ASSURANCE), the fuzzer's
report, the mutants' fates; and it measures a module at every limit.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fuzz import ROOT

PAGE = ROOT / "docs" / "assurance.md"
FUZZ = ROOT / "out" / "fuzz"
COUNTS = ROOT / "out" / "assurance"
FATES = ROOT / "out" / "mutants.json"
REASONS = ROOT / "fuzz" / "survivors.json"
HEAD = """\
# Assurance

<!-- Made by `make assurance` from what the last runs left in out/: change fuzz/assurance.py. -->

What was tried against decoder, verifier, compiler and sandbox, and what came of it. The numbers are
of one run on one machine; the tests and the fuzzer are in the repository, so that yours can be
compared.
"""


def counted() -> Counter[str]:
    """What the test suite counted, over all its processes."""
    total: Counter[str] = Counter()
    for path in COUNTS.glob("counts-*.json"):
        total.update(json.loads(path.read_text()))
    return total


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def tests_section() -> str:
    """What the test suite tried, without a finding: a finding fails the suite."""
    rows = [(what, f"{times:,}") for what, times in sorted(counted().items())]
    rows.append(("refused programs, one or more for every rule", f"{cases('invalid', 'cpa')}"))
    rows.append(("wrong programs in source, with their messages", f"{cases('error', 'cps')}"))
    text = table(("tried, each time with the result that is due", "times"), rows)
    return f"## The test suite (`make test`)\n\n{text}\n"


def cases(folder: str, suffix: str) -> int:
    """How many cases a folder holds."""
    return len(list((ROOT / "tests" / "cases" / folder).glob(f"*.{suffix}")))


def fuzz_section() -> str:
    """What the fuzzer tried."""
    path = FUZZ / "report.json"
    if not path.is_file():
        return "## Fuzzing (`make fuzz`)\n\nNo run is on record.\n"
    report: dict[str, Any] = json.loads(path.read_text())
    rows = [(name, f"{times:,}") for name, times in report["inputs"].items()]
    text = table(("target (coverage-guided)", "inputs"), rows)
    found = "Nothing was found." if report["held"] else "**Something was found.**"
    rounds = (
        f"Besides, all property tests were run with {report['examples']:,} new examples each, "
        f"{report['rounds']} times over.\n\n"
        if report["rounds"]
        else ""
    )
    return f"## Fuzzing (`make fuzz`)\n\n{text}\n\n{rounds}{found}\n"


def mutants_section() -> str:
    """How many mistakes in the verifier the tests would notice, and which not."""
    if not FATES.is_file():
        return "## Mutants of the verifier (`make mutants`)\n\nNo run is on record.\n"
    fates: dict[str, str] = json.loads(FATES.read_text())
    reasons: dict[str, str] = json.loads(REASONS.read_text())
    alive = sorted(name for name, fate in fates.items() if fate != "killed")
    share = 1 - len(alive) / len(fates)
    rows = [(f"`{name}`", fates[name], reasons.get(name, "")) for name in alive]
    text = table(("mutant that is left", "fate", "why"), rows)
    return (
        "## Mutants of the verifier (`make mutants`)\n\n"
        f"{len(fates):,} small changes of `vm/verifier`, of which the tests notice "
        f"{len(fates) - len(alive):,} ({share:.1%}).\n\n{text}\n"
    )


def limits_section() -> str:
    """How long verifying and compiling take at the limits."""
    from tests import test_bombs as bombs
    from tests.vm.listings import encoded, framed
    from vm.errors import OverLimit
    from vm.sandbox.box import CompileBox
    from vm.sandbox.runner import NativeRunner
    from vm.verifier import verify

    rows = []
    made = {bomb.__name__: framed(bomb(size)) for bomb, size in bombs.BOMBS.items()}
    made["all limits at once"] = bombs.everything()
    with CompileBox() as box:
        for name, text in made.items():
            data = encoded(text)
            verified = verify(data)
            verifying = bombs.seconds(data)
            given = {p.name: 1 for p in verified.kernels["k"].kernel.parameters}
            began = time.perf_counter()
            with NativeRunner(verified, "k", given, box=box) as runner:
                try:
                    runner.compile()
                    ended = f"{time.perf_counter() - began:.2f} s"
                except OverLimit as refusal:
                    ended = f"refused: {refusal}"
            rows.append((name, f"{verifying:.2f} s", ended))
    text = table(("a module of the most instructions that are", "verified in", "compiled in"), rows)
    return f"## At the limits\n\n{text}\n"


def main() -> int:
    """Write the page."""
    sections = [tests_section(), fuzz_section(), mutants_section(), limits_section()]
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    where = f"Revision {revision}, Python {platform.python_version()}, {platform.machine()}.\n"
    PAGE.write_text("\n".join([HEAD, where, *sections]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
