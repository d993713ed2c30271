"""The fuzzer's targets hold on their seeds and on what they once stumbled over."""

from __future__ import annotations

import pytest

from fuzz import NAMES, ROOT
from fuzz.targets import TARGETS


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_corpus(name: str) -> None:
    target = TARGETS[name]
    kept = sorted((ROOT / "fuzz" / "corpus" / name).glob("*"))
    inputs = [*target.seeds(), *(path.read_bytes() for path in kept), b"", b"\0" * 40]
    assert len(inputs) > 2
    for data in inputs:
        target.run(data)
