"""From a file named on the command line to a program, and from options to its parameters."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cpushare.cpsc.files import PROGRAM
from vm.errors import Refused
from vm.module import Kernel, Parameter
from vm.parameters import bounds
from vm.types import ScalarType

if TYPE_CHECKING:
    from cpushare.program import Program


def load_program(path: str) -> Program:
    """A program from source (.cps, "-") or bytecode (anything else)."""
    from cpushare.program import Program, load

    if path == "-":
        from compiler.pipeline import compile_text

        return Program(compile_text(sys.stdin.read(), "<stdin>").verified)
    if path.endswith(".cps"):
        from compiler.pipeline import compile_path

        compiled = compile_path(Path(path))
        show_warnings(compiled.warnings)
        return Program(compiled.verified)
    return load(path)


def source_files(paths: tuple[str, ...]) -> list[Path]:
    """The files named, and the .cps files of the folders named, but for hidden folders in them."""
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(path.rglob("*.cps")) if path.is_dir() else [path]
        found += [
            file
            for file in inside
            if file == path or not any(p.startswith(".") for p in file.relative_to(path).parts)
        ]
    if not found:
        raise Refused("there is no .cps file there")
    return found


def show_warnings(warnings: tuple[Any, ...]) -> None:
    """Print warnings to standard error."""
    from cpushare.cpsc.output import note, wants_colour

    for warning in warnings:
        note(warning.render(wants_colour()) + "\n")


def option_name(parameter: Parameter) -> str:
    """The option of a kernel's parameter."""
    return "--" + parameter.name.replace("_", "-")


def parameter_options(kernel: Kernel, taken: set[str]) -> list[click.Option]:
    """An option for each parameter, but those whose names the verb itself uses."""
    options = []
    for parameter in kernel.parameters:
        name = option_name(parameter)
        if name in taken or f"--no-{name[2:]}" in taken:
            continue
        declared = f"{name}/--no-{name[2:]}" if parameter.type is ScalarType.BOOL else name
        metavar = None
        if parameter.type is not ScalarType.BOOL:
            metavar = ",".join([str(parameter.type)] * (parameter.length or 1))
        options.append(
            click.Option(
                [declared, f"parameter_{parameter.name}"],
                default=None,
                metavar=metavar,
                help=parameter_help(parameter),
            )
        )
    return options


def parameter_help(parameter: Parameter) -> str:
    """Doc text, range and default of a parameter."""
    parts = [" ".join(parameter.doc.split())] if parameter.doc else []
    if parameter.low is not None:
        low, high = bounds(parameter)
        parts.append(f"[{low}..={high}]")
    parts.append(f"[default: {default_text(parameter)}]" if parameter.default else "[required]")
    return " ".join(parts)


def default_text(parameter: Parameter) -> str:
    """A parameter's default as it would be typed."""
    from vm.bits import from_raw

    return ",".join(str(from_raw(parameter.type, raw)).lower() for raw in parameter.default)


def parse_parameter(parameter: Parameter, text: str) -> object:
    """What was typed, as a value for `vm.parameters`. Raises `Refused`."""
    if parameter.length:
        return [_parse_number(parameter, part) for part in text.split(",")]
    return _parse_number(parameter, text)


def _parse_number(parameter: Parameter, text: str) -> object:
    scalar, text = parameter.type, text.strip()
    if scalar is ScalarType.BOOL:
        known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.lower() not in known:
            raise Refused(f"parameter '{parameter.name}' is true or false, not '{text}'")
        return known[text.lower()]
    try:
        return float(text) if scalar.is_float else int(text, 0)
    except ValueError:
        raise Refused(f"parameter '{parameter.name}' takes a {scalar}, not '{text}'") from None


def collect_parameters(
    kernel: Kernel, options: Mapping[str, object], pairs: tuple[str, ...]
) -> dict[str, object]:
    """Values from the parameters' own options and from `-p NAME=VALUE`."""
    values: dict[str, object] = {}
    for parameter in kernel.parameters:
        given = options.get(f"parameter_{parameter.name}")
        if given is not None:
            if isinstance(given, str):
                given = parse_parameter(parameter, given)
            values[parameter.name] = given
    known = {parameter.name: parameter for parameter in kernel.parameters}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise Refused(f"-p takes NAME=VALUE, not '{pair}'")
        if name not in known:
            listed = ", ".join(known) or "none"
            raise Refused(f"kernel '{kernel.name}' has no parameter '{name}' (it has: {listed})")
        values[name] = parse_parameter(known[name], text)
    return values


def parse_size(text: str) -> tuple[int, int]:
    """`1920x1080` as (width, height)."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise Refused(f"a size is WIDTHxHEIGHT, such as 1920x1080, not '{text}'")
    return int(parts[0]), int(parts[1])


KernelAction = Callable[["Program", Kernel, dict[str, Any]], int | None]


def _loaded(context: click.Context, file: str, args: list[str]) -> tuple[Program, Kernel] | None:
    """The program and the kernel that are meant; None if a shell asks and the file is wrong."""
    try:
        program = load_program(file)
        return program, program.kernel(_option(args, "--kernel"))
    except Exception:
        if context.resilient_parsing:
            return None
        raise


def kernel_verb(
    name: str, help_: str, fixed: list[click.Parameter], action: KernelAction
) -> click.Command:
    """A verb whose options are its own and those of the kernel in the file it is given.

    The file is loaded when it has been found among the arguments, and the command line is read
    again with the kernel's parameters as options: so `--help` shows them.
    """
    file = click.Argument(["file"], type=PROGRAM, metavar="FILE.cps|.cpb")
    taken = {text for option in fixed for text in (*option.opts, *option.secondary_opts)}

    class KernelCommand(click.Command):
        def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
            found = next((a for a in args if a.endswith((".cps", ".cpb"))), None)
            loaded = _loaded(context, found, args) if found is not None else None
            if loaded is not None:
                context.obj = loaded
                _, kernel = loaded
                self.params = [*self.params[: len(fixed) + 1], *parameter_options(kernel, taken)]
                if kernel.doc:
                    self.help = f"{help_}\n\nKernel {kernel.name}: {kernel.doc}"
            return super().parse_args(context, args)

    def call(file: str, **options: Any) -> int | None:
        context = click.get_current_context()
        if context.obj is None:
            program = load_program(file)
            context.obj = (program, program.kernel(options.get("kernel")))
        program, kernel = context.obj
        try:
            return action(program, kernel, options)
        finally:
            program.close()

    return KernelCommand(name, params=[file, *fixed], callback=call, help=help_)


def _option(args: list[str], name: str) -> str | None:
    for index, text in enumerate(args):
        if text.startswith(f"{name}="):
            return text[len(name) + 1 :]
        if text == name and index + 1 < len(args):
            return args[index + 1]
    return None


KERNEL_OPTION = click.Option(["--kernel"], metavar="NAME", help="Which kernel, if there are more.")
PAIR_OPTION = click.Option(
    ["-p", "pairs"], multiple=True, metavar="NAME=VALUE", help="A parameter, by its name."
)
JSON_OPTION = click.Option(["--json", "as_json"], is_flag=True, help="One JSON object a line.")
