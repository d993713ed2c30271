"""The kernels of bench/kernels against their formulas, in every engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.works import DIFFUSIONS, KERNELS, WORKS, Work
from tests import engines
from tests.cpushare.cli import cpsc
from tests.examples.references import diffused, light

ENGINES = {"interpreter": engines.interpret, "strict child": engines.native}
SIZES = [(1, 1), (1, 9), (9, 1), (3, 3), (7, 5), (33, 17)]
DRAWN = {  # the divisor, and a row of weights for each line; * is the pixel that gives
    "jarvis": (48, ". . * 7 5", "3 5 7 5 3", "1 3 5 3 1"),
    "stucki": (42, ". . * 8 4", "2 4 8 4 2", "1 2 4 2 1"),
    "atkinson": (8, ". . * 1 1", ". 1 1 1 .", ". . 1 . ."),
    "burkes": (32, ". . * 8 4", "2 4 8 4 2"),
    "sierra": (32, ". . * 5 3", "2 4 5 4 2", ". 2 3 2 ."),
    "sierra_two_row": (16, ". . * 4 3", "1 2 3 2 1"),
    "sierra_lite": (4, ". * 2", "1 1 ."),
    "false_floyd_steinberg": (8, "* 3", "3 2"),
    "fan": (16, ". . * 7", "1 3 5 ."),
    "shiau_fan": (16, ". . . * 8", "1 1 2 4 ."),
    "stevenson_arce": (
        200,
        ". . . * . 32 .",
        "12 . 26 . 30 . 16",
        ". 12 . 26 . 12 .",
        "5 . 12 . 12 . 5",
    ),
}


def taps(name: str) -> tuple[dict[tuple[int, int], int], int]:
    """(ahead, below) -> weight, and the divisor."""
    divisor, *rows = DRAWN[name]
    assert isinstance(divisor, int)
    words = [str(row).split() for row in rows]
    here = words[0].index("*")
    found = {
        (column - here, line): int(word)
        for line, row in enumerate(words)
        for column, word in enumerate(row)
        if word.isdigit()
    }
    return found, divisor


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("work", DIFFUSIONS, ids=lambda work: work.name)
def test_diffusion(engine: str, work: Work) -> None:
    weights, divisor = taps(work.name)
    for width, height in SIZES:
        src = work.picture(width, height)
        for serpentine in (False, True):
            parameters = {"serpentine": serpentine}
            found = ENGINES[engine](work.verified(), work.kernel, {"src": src}, parameters)
            wanted = diffused(src, weights, divisor, serpentine=serpentine)
            assert (found["dst"] == wanted).all(), (width, height, serpentine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_filters(engine: str, width: int, height: int) -> None:
    made = {}
    for work in (work for work in WORKS if work.name in ("recursive", "linear", "to_float")):
        src = work.picture(width, height)
        found = ENGINES[engine](work.verified(), work.kernel, {"src": src}, {})["dst"]
        made[work.name] = (src, found)
    src, found = made["linear"]
    assert (found == light()[src]).all()
    src, found = made["to_float"]
    assert (found == src.astype(np.float32)).all()
    src, found = made["recursive"]
    levels, quarter = src.astype(np.float32), np.float32(0.25)
    assert (found[:, 0] == levels[:, 0] * quarter + levels[:, 0] * (1 - quarter)).all()
    wanted = levels[:, 1:] * quarter + found[:, :-1] * (1 - quarter)
    assert (found[:, 1:] == wanted).all()


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_nothing_is_checked_while_they_run(work: Work) -> None:
    assert work.verified().kernels[work.kernel].checked == 0


@pytest.mark.parametrize("path", sorted(KERNELS.glob("*.cps")), ids=lambda path: path.stem)
def test_their_own_tests_pass(path: Path) -> None:
    said = cpsc("test", path, "--interpret")
    assert said.code == 0, said.err
