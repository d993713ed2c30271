"""cpsc run: a kernel on pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cpushare.cpsc.files import PICTURE
from cpushare.cpsc.programs import (
    JSON_OPTION,
    KERNEL_OPTION,
    PAIR_OPTION,
    collect_parameters,
    kernel_verb,
)
from vm.errors import Refused
from vm.module import Kernel

if TYPE_CHECKING:
    from cpushare.program import Program

NAMED_COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0), "gray": (128, 128, 128)}


def parse_colour(text: str | None) -> tuple[int, int, int] | None:
    """A colour's name, or #rrggbb."""
    if text is None or text in NAMED_COLOURS:
        return NAMED_COLOURS[text] if text else None
    digits = text.removeprefix("#")
    try:
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        raise Refused(f"a colour is white, black, gray or #rrggbb, not '{text}'") from None
    return red, green, blue


def action(program: Program, kernel: Kernel, options: dict[str, Any]) -> int:
    """Run on every input."""
    from cpushare import batch, tables
    from cpushare.config import setting
    from cpushare.engines import check_name
    from cpushare.images import Reading

    reading = Reading(
        options["max_pixels"] or setting("max_pixels"),
        options["rotate"],
        parse_colour(options["background"]),
    )
    values = collect_parameters(kernel, options, options["pairs"])
    if options["table"] is not None:
        tables.check(kernel, options["table"])
    tasks = batch.plan(kernel, options["inputs"], options["named"], options["targets"])
    engine = "interpret" if options["interpret"] else check_name(options["engine"])
    work = batch.Work(
        program.verified.encoded,
        kernel.name,
        values,
        reading,
        engine,
        options["jobs"] or setting("jobs"),
        options["memory_bytes"] or setting("memory_bytes"),
        options["cache"],
        options["checked"],
        is_fresh=options["force"],
        tasks=len(tasks),
        resumes=len(tasks) > 1 and options["cache"] and setting("result_bytes") > 0,
    )
    return batch.run(
        work,
        program.verified,
        tasks,
        as_json=options["as_json"],
        table=options["table"],
        fails_fast=options["fail_fast"],
    )


command = kernel_verb(
    "run",
    "Run a kernel on pictures: each INPUT is a file, a folder, a pattern or - (standard input).",
    [
        click.Argument(["inputs"], nargs=-1, type=PICTURE, metavar="INPUT…"),
        click.Option(
            ["-o", "--output", "targets"],
            multiple=True,
            metavar="OUT|DIR|-",
            help="Where to; NAME=FILE if a kernel has several out images.",
        ),
        click.Option(
            ["--in", "named"],
            multiple=True,
            metavar="NAME=FILE",
            help="An in image, by its name; '#rrggbb,#rrggbb,…' for a file is a row of colours.",
        ),
        click.Option(
            ["--table"],
            metavar="ROWS.csv|.jsonl|.parquet",
            help="Where to put the records that the kernel gives, a row a picture.",
        ),
        KERNEL_OPTION,
        PAIR_OPTION,
        click.Option(["-j", "--jobs"], type=click.IntRange(1), help="Pictures at once."),
        click.Option(
            ["--engine"],
            default="local",
            show_default=True,
            metavar="local|interpret|dask://HOST:PORT|market",
            help="Where: strict children here, the interpreter, a Dask cluster, the market.",
        ),
        click.Option(["--interpret"], is_flag=True, help="The same as --engine interpret."),
        click.Option(["--checked"], is_flag=True, help="Trap where signed arithmetic would wrap."),
        click.Option(["--max-pixels"], type=click.IntRange(1), help="The largest picture read."),
        click.Option(["--memory-bytes"], type=click.IntRange(1), help="The most memory used."),
        click.Option(["--rotate/--no-rotate"], default=True, help="Follow EXIF orientation."),
        click.Option(["--background"], metavar="COLOUR", help="What lies behind transparency."),
        click.Option(["--fail-fast"], is_flag=True, help="Begin no picture after one has failed."),
        click.Option(["--force"], is_flag=True, help="Make everything anew."),
        click.Option(
            ["--cache/--no-cache"],
            default=True,
            help="Keep compiled kernels and results on disk, and use them.",
        ),
        JSON_OPTION,
    ],
    action,
)
