"""Some kills of `make chaos`; and the exchange's own worker, which begins and ends with `serve`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.market.chaos import Place, Size, endure, found_exchange
from tests.market.crashing import Kept, children, of_folder
from tests.market.selling import wait_for


@pytest.mark.parametrize("has_postgres", [False, True], ids=["sqlite", "postgres"])
def test_nothing_is_lost_and_nothing_paid_twice(tmp_path: Path, has_postgres: bool) -> None:
    assert "each there once" in endure(tmp_path, has_postgres, Size(8, 40, seed=1))


@contextmanager
def front(folder: Path) -> Iterator[Kept]:
    place = Place(folder)
    found_exchange(place, ["front"], "")
    kept = place.keep("front", "exchange", "serve", "front")
    try:
        yield kept
    finally:
        kept.stop(signal.SIGKILL)


def checkers(kept: Kept) -> list[int]:
    return children(kept.pid, lambda line: "checker.cpu" in line and "--worker-key" in line)


def enrolled(folder: Path) -> int:
    return (folder / "front.log").read_text().count("enrolled, checker")


def test_the_checking_worker_begins_again_and_ends_with_the_front_end(tmp_path: Path) -> None:
    with front(tmp_path) as kept:
        wait_for(lambda: enrolled(tmp_path) == 1)
        (first,) = checkers(kept)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: enrolled(tmp_path) == 2)
        (second,) = checkers(kept)
        assert second != first
        began = time.monotonic()
        kept.stop()
        assert time.monotonic() - began < 20
        assert of_folder(tmp_path) == []


def test_a_killed_front_end_leaves_no_checking_worker(tmp_path: Path) -> None:
    with front(tmp_path) as kept:
        wait_for(lambda: enrolled(tmp_path) == 1)
        (first,) = checkers(kept)
        kept.stop(signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{first}").exists(), within_s=30)
        wait_for(lambda: of_folder(tmp_path) == [], within_s=30)
