"""Every test block of the cases, the examples and the standard library, in every engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from compiler import ir, passes
from compiler.passes.gather import gather
from compiler.passes.single import single
from compiler.testing import Engine, run_tests
from tests import engines

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests" / "cases" / "run").glob("*.cps"))
TRAPPING = sorted((ROOT / "tests" / "cases" / "checked").glob("*.cps"))
SHIPPED = [
    path
    for folder in (ROOT / "examples", ROOT / "stdlib" / "std")
    for path in sorted(folder.glob("*.cps"))
    if '\ntest "' in path.read_text()
]
ENGINES: dict[str, Engine] = {"interpreter": engines.interpret, "native code": engines.native}
CHECKED: dict[str, Engine] = {
    name: partial(engine, checked=True)  # type: ignore[call-arg]
    for name, engine in ENGINES.items()
}
FEW: tuple[Callable[[ir.Kernel], ir.Kernel], ...] = (single, gather)


def check_file(path: Path, some: dict[str, Engine]) -> None:
    """Every test of the file passes, and there is at least one."""
    results = run_tests(path, some)
    assert results, path
    for result in results:
        assert result.failure is None, result.failure.render()


@pytest.mark.parametrize("path", CASES + SHIPPED, ids=lambda path: path.stem)
def test_in_the_interpreter(path: Path) -> None:
    check_file(path, {"interpreter": engines.interpret})


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_with_hardly_any_passes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "PASSES", FEW)
    check_file(path, {"interpreter": engines.interpret})


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_native_code_agrees(path: Path) -> None:
    check_file(path, ENGINES)


@pytest.mark.parametrize("path", SHIPPED + TRAPPING, ids=lambda path: path.stem)
def test_in_checked_runs(path: Path) -> None:
    """As `cpsc test` runs them: what is shipped never wraps."""
    check_file(path, CHECKED)
