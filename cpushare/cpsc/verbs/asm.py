"""cpsc asm: text to bytecode."""

from __future__ import annotations

from pathlib import Path

import click

from cpushare.cpsc import output
from cpushare.cpsc.files import FileNamed
from cpushare.files import whole_file
from vm.codec import encode
from vm.text import assemble
from vm.verifier import verify


@click.command(help="Assemble text, as `disasm` writes it, to a .cpb file; it is verified first.")
@click.argument("file", type=FileNamed(".cpa"), metavar="FILE.cpa")
@click.option("-o", "--output", "target", metavar="OUT.cpb", help="Default: beside the text.")
def command(file: str, target: str | None) -> None:
    """Assemble, verify, write."""
    data = encode(assemble(Path(file).read_text()))
    verified = verify(data)
    path = Path(target) if target else Path(file).with_suffix(".cpb")
    with whole_file(path, durable=False) as out:
        out.write(data)
    output.note(f"{path}: {len(data)} bytes, sha256 {verified.hash[:16]}…")
