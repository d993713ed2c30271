"""The entry of `cpsc`: verbs, imported when they are used, and what becomes of errors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from cpushare._version import __version__
from cpushare.cpsc.lazy import LazyGroup, run_command

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

VERBS = {
    "new": "Make a folder with a kernel, tests and a picture.",
    "build": "Compile a .cps file to a .cpb file.",
    "check": "Look for errors, compile nothing.",
    "fmt": "Format .cps files.",
    "run": "Run a kernel on pictures.",
    "cost": "Tell the price of a kernel.",
    "test": "Run the tests in .cps files.",
    "bench": "Measure a kernel in its strict child.",
    "view": "Show a picture in the terminal.",
    "verify": "Verify a .cpb file.",
    "info": "Show kernels, parameters, images.",
    "doc": "Show documentation.",
    "disasm": "Show bytecode as text.",
    "asm": "Assemble text to a .cpb file.",
    "explain": "Explain an error code.",
    "doctor": "Show how this machine confines strangers' code.",
    "config": "Show settings and where they come from.",
    "cache": "Show or clear what is kept: kernels, results.",
    "completion": "Make a shell complete cpsc.",
    "lsp": "Serve an editor.",
}
EXAMPLES = """
\b
Examples:
  cpsc dither.cps                          compile to dither.cpb
  cpsc run dither.cps photo.jpg -o bw.png  run it on a picture
  cpsc run dither.cps --help               its parameters
  cpsc cost dither.cps --size 1920x1080    its price, before it runs
  cpsc run dither.cps pictures/ -o out/    a batch
"""


class Verbs(LazyGroup):
    """The verbs of `cpsc`; `cpsc FILE.cps` builds."""

    modules = {verb: f"cpushare.cpsc.verbs.{verb}" for verb in VERBS}
    lines = VERBS

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """`cpsc FILE.cps` builds; what looks like a program is met with the verb that runs it."""
        first = args[0]
        if first == "-" or first.endswith(".cps"):
            return "build", self.get_command(context, "build"), args
        if first.endswith(".cpb") and not context.resilient_parsing:
            context.fail(f"there is no verb '{first}'; did you mean 'cpsc run {first}'?")
        return super().resolve_command(context, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs, options, and files to build."""
        from cpushare.cpsc.files import matching

        found = super().shell_complete(ctx, incomplete)
        return found if incomplete.startswith("-") else [*found, *matching(incomplete, (".cps",))]


def show_version(context: click.Context, option: click.Parameter, value: bool) -> None:
    """Print all versions that decide what a program means or how it runs."""
    if not value or context.resilient_parsing:
        return
    from importlib.metadata import version

    from vm.jit.backend import llvm_version
    from vm.opcodes import BYTECODE_VERSION

    click.echo(f"cpsc {__version__}, language 1, bytecode {BYTECODE_VERSION}")
    click.echo(f"llvmlite {version('llvmlite')}, LLVM {llvm_version()}")
    context.exit()


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Compile, price and run image kernels written in .cps.",
    epilog=EXAMPLES,
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=show_version,
    help="Show the versions of tool, language, bytecode, llvmlite and LLVM.",
)
def cpsc() -> None:
    """The root of all verbs."""


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; gives the exit code and lets no error out."""
    return run_command(cpsc, "cpsc", arguments)


def main() -> None:
    """What the `cpsc` script calls."""
    sys.exit(run())


if __name__ == "__main__":
    main()
