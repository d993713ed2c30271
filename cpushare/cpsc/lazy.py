"""Commands of many verbs: each is imported when it is called, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """A group that knows its verbs' names, and imports a verb's module when it is called.

    `modules` and `lines` have each verb's module, whose `command` it is, and what it does.
    """

    modules: ClassVar[Mapping[str, str]]
    lines: ClassVar[Mapping[str, str]]

    def list_commands(self, context: click.Context) -> list[str]:
        """All verbs, in the order of the table."""
        return list(self.lines)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The verb's command, imported now."""
        if name not in self.modules:
            return None
        command: click.Command = import_module(self.modules[name]).command
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """An unknown verb is met with the nearest known one."""
        first = args[0]
        if first not in self.modules and context.resilient_parsing:  # a shell asks
            return None, None, args
        if first not in self.modules:
            import difflib

            near = difflib.get_close_matches(first, self.modules, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            context.fail(f"there is no verb '{first}'{hint}")
        return super().resolve_command(context, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs, and options."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        verbs = [CompletionItem(name, help=line) for name, line in self.lines.items()]
        return [item for item in verbs if item.value.startswith(incomplete)]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with their lines, without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(self.lines.items()))


def run_command(command: click.Command, name: str, arguments: list[str] | None) -> int:
    """Run a command line; gives the exit code and lets no error out."""
    try:
        code = command.main(arguments, prog_name=name, standalone_mode=False)
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
    from cpushare.extras import missing_extra

    if isinstance(error, ModuleNotFoundError):
        error = missing_extra(error)
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
