"""cpsc cost: the price of a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cpushare.cpsc import output
from cpushare.cpsc.programs import (
    JSON_OPTION,
    KERNEL_OPTION,
    PAIR_OPTION,
    collect_parameters,
    kernel_verb,
    parse_size,
)
from vm import extents, parameters
from vm.module import Kernel, Role

if TYPE_CHECKING:
    from cpushare.program import Program


def action(program: Program, kernel: Kernel, options: dict[str, Any]) -> None:
    """Print the price as an expression, and as a number if a size is given."""
    verified = program.verified.kernels[kernel.name]
    fields: dict[str, object] = {
        "kernel": kernel.name,
        "cost": str(verified.cost),
        "memory": str(verified.memory),
    }
    lines = [f"{kernel.name}: {verified.cost} units of work", f"memory: {verified.memory} bytes"]
    if options["size"]:
        width, height = parse_size(options["size"])
        values = parameters.resolve(kernel, collect_parameters(kernel, options, options["pairs"]))
        sizes = {image.name: (width, height) for image in kernel.images_of(Role.IN)}
        dimensions = extents.resolve(kernel, sizes, values)
        units = verified.cost.evaluate(dimensions, values)
        size_bytes = verified.memory.evaluate(dimensions, values)
        fields |= {"width": width, "height": height, "units": units, "bytes": size_bytes}
        lines.append(f"at {width} × {height}: {units:,} units, {size_bytes:,} bytes")
    if options["as_json"]:
        output.result_json(fields)
    else:
        output.result("\n".join(lines))


command = kernel_verb(
    "cost",
    "Tell the price of a kernel: an expression of its images' sizes and parameters.",
    [
        click.Option(["--size"], metavar="WxH", help="Evaluate it for in images of this size."),
        KERNEL_OPTION,
        PAIR_OPTION,
        JSON_OPTION,
    ],
    action,
)
