"""cpsc disasm: bytecode as text."""

from __future__ import annotations

import click

from cpushare.cpsc import output
from cpushare.cpsc.files import BYTECODE
from cpushare.cpsc.programs import load_program
from vm.text import disassemble


@click.command(help="Show the bytecode of a .cpb (or .cps) file as text that `asm` takes.")
@click.argument("file", type=BYTECODE, metavar="FILE.cpb")
def command(file: str) -> None:
    """Disassemble a verified program."""
    output.result(disassemble(load_program(file).verified.module).rstrip("\n"))
