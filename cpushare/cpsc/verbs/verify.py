"""cpsc verify: check a .cpb file against every rule."""

from __future__ import annotations

from pathlib import Path

import click

from cpushare.cpsc import output
from cpushare.cpsc.files import BYTECODE
from vm.errors import Invalid, Malformed
from vm.limits import MODULE_BYTES
from vm.verifier import VerifiedKernel, VerifiedModule, verify


@click.command(help="Verify a .cpb file: exit code 0 if it is accepted, 1 if it is refused.")
@click.argument("file", type=BYTECODE, metavar="FILE.cpb")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(file: str, as_json: bool) -> int:
    """Verify and report."""
    with Path(file).open("rb") as source:
        data = source.read(MODULE_BYTES + 1)
    try:
        verified = verify(data)
    except (Malformed, Invalid) as error:
        if not as_json:
            output.error(str(error))
            return 1
        output.result_json({"accepted": False, "error": _refusal(error)})
        return 1
    if as_json:
        output.result_json(_fields(verified))
    else:
        output.result(f"accepted  {verified.hash}")
        for name, kernel in verified.kernels.items():
            output.result(f"{name}: {kernel.proved} proved, {kernel.checked} checked")
            for line, doubts in _doubts(kernel):
                output.result(f"  line {line} is checked: {doubts}")
            output.result(f"  cost    {kernel.cost}\n  memory  {kernel.memory}")
    return 0


def _refusal(error: Malformed | Invalid) -> dict[str, object]:
    if isinstance(error, Malformed):
        return {"message": error.message, "offset": error.offset}
    return {
        "message": error.message,
        "rule": error.rule,
        "function": error.kernel,
        "instruction": error.instruction,
    }


def _doubts(kernel: VerifiedKernel) -> list[tuple[int, str]]:
    """For each line with a checked access, what was not proved."""
    found = {
        (kernel.kernel.code[position].line, " and ".join(doubt.text() for doubt in doubts))
        for position, doubts in kernel.facts.doubts.items()
    }
    return sorted(found)


def _fields(verified: VerifiedModule) -> dict[str, object]:
    kernels = verified.kernels
    return {
        "hash": verified.hash,
        "meaning": verified.meaning,
        "accepted": True,
        "proved": sum(kernel.proved for kernel in kernels.values()),
        "checked": sum(kernel.checked for kernel in kernels.values()),
        "cost": {name: str(kernel.cost) for name, kernel in kernels.items()},
        "memory": {name: str(kernel.memory) for name, kernel in kernels.items()},
        "doubts": {
            name: [{"line": line, "text": text} for line, text in _doubts(kernel)]
            for name, kernel in kernels.items()
        },
        "kernels": list(kernels),
        "error": None,
    }
