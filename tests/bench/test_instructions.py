"""Kernels take no more instructions than when their counts were last written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench import instructions
from bench.works import BY_NAME, WORKS, Work


def needed() -> None:
    """Skip by name what a developer does not have; CI has it."""
    reasons = [f"{program} is not here" for program in instructions.missing()]
    if "avx2" not in Path("/proc/cpuinfo").read_text():
        reasons.append("the CPU has no AVX2")
    if reasons and os.environ.get("CI") != "true":
        pytest.skip(", ".join(reasons))
    assert reasons == [], "CI counts instructions"


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_counts_do_not_grow(work: Work, tmp_path: Path) -> None:
    needed()
    count = instructions.counted(work, tmp_path)
    wanted = instructions.expected().get(work.name, 0)
    assert instructions.verdict(count, wanted) == "", f"if it is meant: {instructions.BLESS}"


def test_counts_are_of_works() -> None:
    assert set(instructions.expected()) == set(BY_NAME)


def test_verdicts() -> None:
    assert instructions.verdict(1030, 1000) == ""
    assert "3.1% more" in instructions.verdict(1031, 1000)
    assert instructions.verdict(900, 1000) == ""
    assert "hold on to it" in instructions.verdict(899, 1000)
    assert instructions.BLESS in instructions.verdict(1, 0)
