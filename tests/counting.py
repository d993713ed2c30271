"""What the tests went through: added up, and written where ASSURANCE names a folder.

`docs/assurance.md` is made of it (`make assurance`).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

COUNTS: Counter[str] = Counter()


def count(what: str, times: int = 1) -> None:
    """Note that something was tried so often, and held."""
    COUNTS[what] += times


def save() -> None:
    """Write the counts of this process, if somebody wants them."""
    folder = os.environ.get("ASSURANCE")
    if folder and COUNTS:
        path = Path(folder) / f"counts-{os.getpid()}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(COUNTS))
