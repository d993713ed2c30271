"""What became of the mutants of the verifier, from mutmut's records: out/mutants.json.

`make mutants` runs mutmut, and then this; 1 if the tests notice fewer than they should, or if one
is left that fuzz/survivors.json gives no reason for.
"""

from __future__ import annotations

import json
import subprocess
import sys

from fuzz import ROOT
from fuzz.assurance import FATES, REASONS

LEAST = 0.95


def main() -> int:
    """Collect, judge, tell."""
    command = [sys.executable, "-m", "mutmut", "results", "--all", "true"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    pairs = [line.strip().rsplit(": ", 1) for line in listed.splitlines() if "__mutmut_" in line]
    noticed = {"killed", "timeout", "segfault", "caught by type check"}
    fates = {name: "killed" if fate in noticed else fate for name, fate in pairs}
    FATES.parent.mkdir(exist_ok=True)
    FATES.write_text(json.dumps(fates, indent=0, sort_keys=True))
    reasons = json.loads(REASONS.read_text())
    alive = [name for name, fate in fates.items() if fate != "killed"]
    share = 1 - len(alive) / len(fates)
    unexplained = [name for name in alive if name not in reasons]
    print(f"{len(fates)} mutants, {share:.1%} noticed, {len(alive)} left")
    for name in unexplained:
        print(f"left without a reason: {name}")
    return int(share < LEAST or bool(unexplained))


if __name__ == "__main__":
    sys.exit(main())
