"""cpsc test: the `test` blocks of .cps files, in every engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cpushare.cpsc import output
from cpushare.cpsc.programs import source_files

if TYPE_CHECKING:
    from compiler.testing import Engine


@click.command(help="Run the tests of .cps files (or of all in a folder) in every engine.")
@click.argument("paths", nargs=-1, required=True, metavar="FILE.cps|DIR…")
@click.option("--interpret", is_flag=True, help="In the interpreter only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a test.")
def command(paths: tuple[str, ...], interpret: bool, as_json: bool) -> int:
    """Run all tests; 1 if one fails."""
    from contextlib import ExitStack

    from cpushare.engines import NativeEngine
    from cpushare.engines import interpret as interpreter
    from vm.sandbox import capability

    engines: dict[str, Engine] = {"interpreter": interpreter}
    with ExitStack() as stack:
        if not interpret and capability.check().is_native:
            engines["strict child"] = stack.enter_context(NativeEngine())
        elif not interpret:
            output.note(f"interpreter only: {capability.check().problem}")
        counts = [_run(file, engines, as_json) for file in source_files(paths)]
    passed, failed = (sum(count[i] for count in counts) for i in (0, 1))
    if not as_json:
        output.note(f"{passed} passed, {failed} failed, in {' and '.join(engines)}")
    return int(failed > 0)


def _run(file: Path, engines: Mapping[str, Engine], as_json: bool) -> tuple[int, int]:
    from compiler.testing import TestResult, run_tests

    def show(result: TestResult) -> None:
        if as_json:
            fields: dict[str, object] = {
                "file": str(file),
                "test": result.name,
                "passed": result.passed,
            }
            if result.failure is not None:
                fields["failure"] = result.failure.to_json()
            output.result_json(fields)
            return
        output.result(f"{'ok' if result.passed else 'FAILED':6} {file}: {result.name}")
        if result.failure is not None:
            output.note(result.failure.render(output.wants_colour()) + "\n")

    results = run_tests(file, engines, show)
    passed = sum(result.passed for result in results)
    return passed, len(results) - passed
