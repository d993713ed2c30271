"""All C of a work gives the bytes of our kernel, at sizes where edges are everything."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench import c_code
from bench.contender import compare_bytes
from bench.works import BY_NAME, HERE, WORKS, Work
from tests import engines

SIZES = [(1, 1), (1, 9), (9, 1), (2, 2), (7, 5), (33, 17), (70, 40)]


@pytest.fixture(scope="module", params=c_code.COMPILERS)
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> c_code.Library:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not here")
    folder: Path = tmp_path_factory.mktemp(request.param)
    return c_code.Library(request.param, "native", "native", folder)


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_the_bytes_are_ours(library: c_code.Library, work: Work) -> None:
    for width, height in SIZES:
        src = work.picture(width, height)
        ours = engines.interpret(work.verified(), work.kernel, {"src": src}, work.parameters)
        found = c_code.contenders(work, src, [library])
        assert len(found) == len(work.variants)
        for one in found:
            assert one.measure(2) >= 0
            assert one.output() == ours["dst"].tobytes(), (one.name, width, height)
        assert compare_bytes(found) == []


def test_other_bytes_are_noticed(library: c_code.Library) -> None:
    work = BY_NAME["raster"]
    found = c_code.contenders(work, work.picture(9, 9), [library])
    for one in found[1:]:
        one.measure(1)  # the first, alone, still holds zeros
    assert compare_bytes(found) == [f"{one.name} {one.level}" for one in found[1:]]


def test_every_function_in_c_has_a_work() -> None:
    text = "".join(path.read_text() for path in sorted((HERE / "c").iterdir()))
    for work in WORKS:
        for variant in work.variants:
            assert f"{work.name}_{variant}(" in text or f"#define NAME {work.name}\n" in text
