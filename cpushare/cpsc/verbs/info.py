"""cpsc info: what a program holds."""

from __future__ import annotations

import click

from cpushare.cpsc import output
from cpushare.cpsc.files import PROGRAM
from cpushare.cpsc.programs import default_text, load_program, option_name
from vm.module import Image, Kernel, Parameter, Role
from vm.parameters import bounds
from vm.verifier import VerifiedKernel

LEVELS = ["x86-64-v2", "x86-64-v3", "x86-64-v4"]


@click.command(help="Show a program's kernels with their images, parameters and price.")
@click.argument("file", type=PROGRAM, metavar="FILE.cps|.cpb")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a kernel.")
@click.option(
    "--explain",
    is_flag=True,
    help="Say what each loop over pixels becomes natively, and why, with default parameters.",
)
@click.option(
    "--cpu",
    type=click.Choice(LEVELS),
    default="x86-64-v3",
    show_default=True,
    help="The level of processor to explain for.",
)
def command(file: str, as_json: bool, explain: bool, cpu: str) -> None:
    """Describe every kernel."""
    program = load_program(file)
    if not as_json:
        output.result(f"{file}: sha256 {program.hash}")
        output.result(f"meaning {program.verified.meaning}")
        for source in program.verified.module.sources:
            output.result(f"from {source.name}, sha256 {source.sha256}")
    for name, verified in program.verified.kernels.items():
        kernel = verified.kernel
        if as_json:
            fields = _fields(kernel, str(verified.cost))
            if explain:
                fields["loops"] = _loops(verified, cpu)
            output.result_json(fields)
            continue
        output.result(f"\nkernel {name}: {kernel.doc}".rstrip(": "))
        for image in kernel.images:
            if image.role is not Role.LOCAL:
                output.result(f"  {image.role.value:3} {_image_text(image)}")
        for parameter in kernel.parameters:
            output.result(f"  {_parameter_text(parameter)}")
        for field in kernel.fields:
            output.result(f"  gives {field.name}: {field.type}  {field.doc}".rstrip())
        output.result(f"  price {verified.cost}, memory {verified.memory} bytes")
        for loop in _loops(verified, cpu) if explain else ():
            output.result("  line {line}, {loop}: {form} ({why})".format(**loop))


def _shown(parameter: Parameter) -> tuple[int, ...]:
    """The default, or the least value of a parameter that must be given."""
    least = 1 if parameter.low is None else parameter.low
    return parameter.default or (least,) * max(1, parameter.length)


def _loops(verified: VerifiedKernel, cpu: str) -> list[dict[str, object]]:
    """Each map and scan: its source line, what it becomes, and why."""
    from vm.jit.forms import forms_of

    forms = forms_of(verified, tuple(map(_shown, verified.kernel.parameters)), cpu)
    found = []
    for position, form in sorted(forms.items()):
        step = verified.kernel.code[position]
        loop = {"line": step.line, "loop": step.op.mnemonic, "form": form.name, "why": form.why}
        found.append(loop)
    return found


def _image_text(image: Image) -> str:
    kind = str(image.type) + (f", {image.channels}" if image.channels > 1 else "")
    return f"{image.name}: image<{kind}>  {image.doc}".rstrip()


def _parameter_text(parameter: Parameter) -> str:
    kind = f"[{parameter.type}; {parameter.length}]" if parameter.length else str(parameter.type)
    within = "{}..={}".format(*bounds(parameter)) if parameter.low is not None else ""
    default = f"= {default_text(parameter)}" if parameter.default else "(required)"
    parts = (option_name(parameter), kind, within, default, parameter.doc)
    return " ".join(part for part in parts if part)


def _fields(kernel: Kernel, cost: str) -> dict[str, object]:
    return {
        "kernel": kernel.name,
        "doc": kernel.doc,
        "images": [
            {
                "name": image.name,
                "role": image.role.value,
                "type": str(image.type),
                "channels": image.channels,
                "doc": image.doc,
            }
            for image in kernel.images
            if image.role is not Role.LOCAL
        ],
        "parameters": [
            {
                "name": parameter.name,
                "type": str(parameter.type),
                "length": parameter.length,
                "range": list(bounds(parameter)) if parameter.low is not None else None,
                "default": default_text(parameter) or None,
                "doc": parameter.doc,
            }
            for parameter in kernel.parameters
        ],
        "record": [
            {"name": field.name, "type": str(field.type), "doc": field.doc}
            for field in kernel.fields
        ],
        "cost": cost,
    }
