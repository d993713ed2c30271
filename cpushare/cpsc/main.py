"""The entry of `cpsc`: verbs, imported when they are used, and what becomes of errors."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from cpushare._version import __version__

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


class Verbs(click.Group):
    """A group that knows its verbs' names, and imports a verb when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        """All verbs, in the order of the table."""
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The verb's command, imported now."""
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"cpushare.cpsc.verbs.{name}").command
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """`cpsc FILE.cps` builds; an unknown verb is met with the nearest known one."""
        first = args[0]
        if first == "-" or first.endswith(".cps"):
            return "build", self.get_command(context, "build"), args
        if first not in VERBS and context.resilient_parsing:  # a shell asks
            return None, None, args
        if first not in VERBS:
            import difflib

            near = difflib.get_close_matches(first, VERBS, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            if first.endswith(".cpb"):
                hint = f"; did you mean 'cpsc run {first}'?"
            context.fail(f"there is no verb '{first}'{hint}")
        return super().resolve_command(context, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs, options, and files to build."""
        from click.shell_completion import CompletionItem

        from cpushare.cpsc.files import matching

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        verbs = [CompletionItem(name, help=line) for name, line in VERBS.items()]
        found = [item for item in verbs if item.value.startswith(incomplete)]
        return [*found, *matching(incomplete, (".cps",))]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with their lines, without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


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
    try:
        code = cpsc.main(arguments, prog_name="cpsc", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as problem:
        problem.show()
        return 2
    except click.Abort:  # click's name for Ctrl-C
        return report(KeyboardInterrupt())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        return report(error)


def report(error: BaseException) -> int:
    """Say what went wrong; gives the exit code."""
    from compiler.diagnostics import CompileError
    from cpushare.cpsc import exits, output

    code = exits.exit_code(error)
    if isinstance(error, CompileError):
        print(error.render(output.wants_colour()), file=sys.stderr)
    elif isinstance(error, KeyboardInterrupt):
        output.note("interrupted")
    elif isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        output.error(f"{where}{error.strerror or error}")
    elif code == exits.INTERNAL:
        output.error(f"{type(error).__name__}: {error}")
        output.note("This is a bug in CPUShare; please report it with the command you ran.")
        if os.environ.get("CPUSHARE_DEBUG"):
            raise error
    else:
        output.error(str(error))
    return code


def main() -> None:
    """What the `cpsc` script calls."""
    sys.exit(run())


if __name__ == "__main__":
    main()
