"""cpsc bench: how fast a kernel is, inside its strict child."""

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
from vm.errors import Refused
from vm.module import Kernel, Role

if TYPE_CHECKING:
    from cpushare.program import Program

DEFAULT_SIZE = "2048x2048"


def action(program: Program, kernel: Kernel, options: dict[str, Any]) -> None:
    """Measure and print."""
    from compiler.testimages import noise
    from cpushare import colour, images

    values = collect_parameters(kernel, options, options["pairs"])
    inputs = {}
    if options["picture"] and options["size"]:
        raise Refused("give a size or a picture, not both")
    width, height = parse_size(options["size"] or DEFAULT_SIZE)
    for seed, image in enumerate(kernel.images_of(Role.IN)):
        if options["picture"]:
            pixels = images.read_image(options["picture"])
            inputs[image.name], _ = colour.fit(pixels, image, options["picture"], "local")
            height, width = inputs[image.name].shape[:2]
        else:
            inputs[image.name] = noise(image.type, seed, width, height, image.channels)
    with program.runner(kernel.name, values, use_cache=False) as runner:
        found = runner.bench(inputs, options["repeat"])
    fields: dict[str, object] = {
        "kernel": kernel.name,
        "width": width,
        "height": height,
        "repeat": options["repeat"],
        "kernel_s": found.kernel_s,
        "mpixel_per_s": width * height / found.kernel_s / 1e6,
        "compile_s": found.compile_s,
        "start_s": found.start_s,
        "round_trip_s": found.round_trip_s,
        "form": found.form,
    }
    if options["as_json"]:
        output.result_json(fields)
        return
    output.result(
        f"{kernel.name}, {width} × {height}, {found.form}: "
        f"{fields['mpixel_per_s']:.0f} Mpixel/s ({found.kernel_s * 1e3:.3f} ms a run, "
        f"quartiles {found.spread_s * 1e3:.3f} ms apart)"
    )
    output.result(
        f"compiled in {found.compile_s * 1e3:.0f} ms, child started in "
        f"{found.start_s * 1e3:.2f} ms, round trip {found.round_trip_s * 1e6:.0f} µs"
    )


command = kernel_verb(
    "bench",
    "Measure a kernel in its strict child: the median of several runs that repeat it.",
    [
        click.Option(
            ["--size"], metavar="WxH", help=f"Noise of this size. [default: {DEFAULT_SIZE}]"
        ),
        click.Option(["--picture"], metavar="FILE", help="Measure on this picture instead."),
        click.Option(["--repeat"], type=click.IntRange(2), default=10, show_default=True),
        KERNEL_OPTION,
        PAIR_OPTION,
        JSON_OPTION,
    ],
    action,
)
