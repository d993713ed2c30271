"""cpsc doctor: how this machine confines strangers' code, shown by running hostile programs."""

from __future__ import annotations

import click

from cpushare.cpsc import output
from vm.sandbox import doctor
from vm.sandbox.doctor import Trial

NEEDED_BY_SELLERS = "clock instructions off"


@click.command(help="Run harmless and hostile programs in strict children and show how each ends.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a program, then a summary.")
def command(as_json: bool) -> int:
    """Examine, report; 0 if all is well, 1 if a hostile program was not stopped, 5 if no child."""

    def show(trial: Trial) -> None:
        if as_json:
            output.result_json({"name": trial.name, "ending": trial.ending, "good": trial.is_good})
        else:
            mark = "ok " if trial.is_good else "BAD"
            output.result(f"  {mark} {trial.name:18} {trial.what:46} {trial.ending}")

    if not as_json:
        output.result("Programs run natively in a child, as if verifier and compiler were beaten:")
    report = doctor.examine(show)
    found = report.capability
    if as_json:
        output.result_json(
            {
                "native": found.is_native,
                "mode": found.mode,
                "cpu": found.cpu,
                "missing": list(found.missing),
                "problem": found.problem,
                "good": report.is_good,
            }
        )
    elif not found.is_native:
        output.result(f"no kernel runs natively here: {found.problem}")
    else:
        _summarise(report)
    if not found.is_native:
        return 5
    return 0 if report.is_good else 1


def _summarise(report: doctor.Report) -> None:
    found, status = report.capability, report.status
    mode = "SECCOMP_MODE_STRICT" if found.mode == "strict" else "a filter of the same four calls"
    output.result(f"confined by {mode}; processor level {found.cpu}")
    if status is not None:
        seen = f"seccomp {status.seccomp}, {status.tasks} task"
        if status.mappings is not None:
            seen += f", {status.mappings} mappings, {status.resident_kb} kB besides the arena"
        output.result(f"a child: {seen}")
    for name in found.missing:
        output.result(f"warning: this kernel lacks: {name}")
    if NEEDED_BY_SELLERS in found.missing:
        output.result("a seller's machine needs the clock switch (prctl PR_SET_TSC)")
    if report.is_good:
        output.result("All is well: every hostile program was stopped.")
    else:
        output.result("NOT WELL: a program did what it must not; do not run strangers' code here.")
