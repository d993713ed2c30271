"""cpsc build: compile a .cps file to a .cpb file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cpushare.cpsc import output
from cpushare.cpsc.files import SOURCE
from cpushare.cpsc.programs import show_warnings


@click.command(help="Compile FILE.cps (or - for standard input) to a .cpb file beside it.")
@click.argument("file", type=SOURCE, metavar="FILE.cps")
@click.option(
    "-o", "--output", "target", metavar="OUT.cpb", help="Where to; - for standard output."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(file: str, target: str | None, as_json: bool) -> None:
    """Compile, verify, write."""
    from compiler.pipeline import compile_path, compile_text
    from cpushare.files import whole_file

    compiled = compile_text(sys.stdin.read(), "<stdin>") if file == "-" else compile_path(file)
    show_warnings(compiled.warnings)
    if target is None:
        target = "-" if file == "-" else str(Path(file).with_suffix(".cpb"))
    if target == "-":
        sys.stdout.buffer.write(compiled.encoded)
        sys.stdout.buffer.flush()
        return
    with whole_file(Path(target), durable=False) as out:
        out.write(compiled.encoded)
    if as_json:
        size = len(compiled.encoded)
        output.result_json({"output": target, "hash": compiled.verified.hash, "bytes": size})
        return
    output.note(f"{target}: {len(compiled.encoded)} bytes, sha256 {compiled.verified.hash[:16]}…")
    for name, kernel in compiled.verified.kernels.items():
        output.note(
            f"  {name}: price {kernel.cost}; {kernel.proved} accesses and operations proved, "
            f"{kernel.checked} checked"
        )
