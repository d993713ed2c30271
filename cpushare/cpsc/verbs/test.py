"""cpsc test: the `test` blocks of .cps files, in every engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cpushare.cpsc import output
from cpushare.cpsc.files import SOURCE
from cpushare.cpsc.programs import source_files

if TYPE_CHECKING:
    from compiler.testing import Engine, TestResult


@click.command(help="Run the tests of .cps files (or of all in a folder) in every engine.")
@click.argument("paths", nargs=-1, required=True, type=SOURCE, metavar="FILE.cps|DIR…")
@click.option("--interpret", is_flag=True, help="In the interpreter only.")
@click.option(
    "--pictures",
    "folder",
    metavar="DIR",
    default="failed",
    show_default=True,
    help="Where to draw images that should be equal and are not.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a test.")
def command(paths: tuple[str, ...], interpret: bool, folder: str, as_json: bool) -> int:
    """Run all tests; 1 if one fails."""
    from contextlib import ExitStack

    from cpushare.testruns import NativeEngine
    from cpushare.testruns import interpret as interpreter
    from vm.sandbox import capability

    engines: dict[str, Engine] = {"interpreter": interpreter}
    with ExitStack() as stack:
        if not interpret and capability.check().is_native:
            engines["strict child"] = stack.enter_context(NativeEngine())
        elif not interpret:
            output.note(f"interpreter only: {capability.check().problem}")
        files = source_files(paths)
        counts = [_run(file, engines, Path(folder), as_json) for file in files]
    passed, failed = (sum(count[i] for count in counts) for i in (0, 1))
    if not as_json:
        output.note(f"{passed} passed, {failed} failed, in {' and '.join(engines)}")
    return int(failed > 0)


def _run(file: Path, engines: Mapping[str, Engine], folder: Path, as_json: bool) -> tuple[int, int]:
    from compiler.testing import run_tests

    def show(result: TestResult) -> None:
        picture = _draw(file, result, folder)
        if as_json:
            fields: dict[str, object] = {
                "file": str(file),
                "test": result.name,
                "passed": result.passed,
            }
            if result.failure is not None:
                fields["failure"] = result.failure.to_json()
                fields["picture"] = str(picture) if picture else None
            output.result_json(fields)
            return
        output.result(f"{'ok' if result.passed else 'FAILED':6} {file}: {result.name}")
        if result.failure is not None:
            output.note(result.failure.render(output.wants_colour()))
            if picture:
                output.note(f"  = picture: {picture}: found, wanted, where they differ")
            output.note("")

    results = run_tests(file, engines, show)
    passed = sum(result.passed for result in results)
    return passed, len(results) - passed


def _draw(file: Path, result: TestResult, folder: Path) -> Path | None:
    """Draw the images of a failure; gives the picture's path."""
    if result.images is None:
        return None
    from cpushare.triptych import triptych
    from cpushare.writing import write_image

    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{file.stem} {result.name}").strip("-")
    path = folder / f"{name[:100]}.png"
    folder.mkdir(parents=True, exist_ok=True)
    write_image(path, triptych(*result.images))
    return path
