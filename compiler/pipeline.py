"""The whole way: from `.cps` text to verified bytes.

compile_path(path) -> Compiled        compile_text(text, name) -> Compiled
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from compiler import wording
from compiler.diagnostics import CompileError, Diagnostic
from compiler.source import Source
from vm import limits
from vm.errors import Crash, Invalid

if TYPE_CHECKING:
    from compiler import typed
    from compiler.typed import TypedProgram
    from vm.module import Kernel, Module
    from vm.verifier import VerifiedModule

USER_RULES = {
    "V7": ("CPS0801", "the kernel is too large for the machine"),
    "V23": ("CPS0803", "this loop may run without a bound"),
    "V24": ("CPS0804", "the price of the kernel is too complicated"),
    "V25": ("CPS0804", "the memory of the kernel is too complicated"),
}
"""Rules of the verifier that a correct compiler can still run into: the program is at fault."""

RECURSION = 6_000
"""Python calls that may nest while a kernel is lowered: inlined calls within deep expressions."""

HELPS = {
    "V23": "bounds are made of sizes, parameters with ranges, constants and enclosing variables; "
    "'min(n, 1000)' gives any number one",
    "V24": "fewer loops with different bounds make it simpler",
}


class Compiled(Struct, frozen=True):
    """A compiled program: its module, as the verifier gave it too, the module's canonical bytes,
    the typed tree, warnings.
    """

    module: Module
    verified: VerifiedModule
    encoded: bytes
    program: TypedProgram
    warnings: tuple[Diagnostic, ...]


def compile_path(path: Path | str) -> Compiled:
    """Compile a file. Raises `CompileError`, `SourceError`, `OSError`."""
    return compile_source(Source.from_path(path))


def compile_text(text: str, name: str = "<text>") -> Compiled:
    """Compile text that was not read from a file. Raises `CompileError`, `SourceError`."""
    return compile_source(Source.from_text(name, text))


def compile_source(source: Source) -> Compiled:
    """Compile a source. Raises `CompileError`."""
    from compiler.check.program import check_program

    return compiled(check_program(source))


def compiled(program: TypedProgram) -> Compiled:
    """A checked program, compiled. Raises `CompileError`."""
    from compiler.unproved import unproved

    module = module_of(program, program.kernels)
    verified = checked(module, program.kernels)
    warnings = (*program.warnings, *unproved(verified, program))
    return Compiled(module, verified, verified.encoded, program, warnings)


def warnings_of(source: Source) -> tuple[Diagnostic, ...]:
    """The warnings of a source, which may lack a kernel: a file that others use. Raises
    `CompileError`.
    """
    from compiler.check.program import check_program

    program = check_program(source)
    return compiled(program).warnings if program.kernels else program.warnings


def module_of(program: TypedProgram, kernels: tuple[typed.Kernel, ...]) -> Module:
    """The module of some kernels. Raises `CompileError`."""
    from vm.module import Module, SourceFile

    if not kernels:
        message = "there is no kernel in this file"
        raise CompileError((Diagnostic("CPS0608", message, None),))
    sources = tuple(
        SourceFile(wording.file_name(source.name), source.sha256) for source in program.sources
    )
    return Module(tuple(map(lowered, kernels)), wording.documentation(program.doc), sources)


def lowered(kernel: typed.Kernel) -> Kernel:
    """One kernel as bytecode. Raises `CompileError`."""
    from compiler.emit import emit
    from compiler.lower import lower
    from compiler.passes import run_passes
    from compiler.passes.errors import PassError

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, RECURSION))
    try:
        return emit(run_passes(lower(kernel)))
    except PassError as error:
        span = kernel.span.source.line_span(error.line) if error.line else kernel.span
        found = Diagnostic(error.code, error.message, span, helps=(error.help,))
        raise CompileError((found,)) from None
    except RecursionError:
        note = "calls within deep expressions, many times over"
        diagnostic = Diagnostic(
            "CPS0802", "the kernel nests too deeply", kernel.span, notes=(note,)
        )
        raise CompileError((diagnostic,)) from None
    finally:
        sys.setrecursionlimit(before)


def checked(module: Module, kernels: tuple[typed.Kernel, ...]) -> VerifiedModule:
    """The module as the verifier accepts it.

    Raises `CompileError` where the program asks for more than the machine has; any other refusal
    is a bug of the compiler, a `Crash`.
    """
    from vm import codec
    from vm.verifier import verify

    for kernel in module.kernels:
        _check_limits(kernel, kernels)
    try:
        return verify(codec.encode(module))
    except Invalid as refusal:
        raise _diagnosed(refusal, module, kernels) from None


def _diagnosed(
    refusal: Invalid, module: Module, kernels: tuple[typed.Kernel, ...]
) -> CompileError | Crash:
    if refusal.rule not in USER_RULES:
        return Crash(f"the compiler made a module that is {refusal}")
    code, message = USER_RULES[refusal.rule]
    by_name = {kernel.name: kernel for kernel in kernels}
    kernel = by_name.get(refusal.kernel or "")
    span = kernel.span if kernel is not None else None
    if kernel is not None and refusal.instruction is not None:
        code_of = {each.name: each.code for each in module.kernels}[kernel.name]
        line = code_of[min(refusal.instruction, len(code_of) - 1)].line
        span = kernel.span.source.line_span(line) if line else span
    helps = (HELPS[refusal.rule],) if refusal.rule in HELPS else ()
    return CompileError((Diagnostic(code, message, span, notes=(refusal.message,), helps=helps),))


def _check_limits(made: Kernel, kernels: tuple[typed.Kernel, ...]) -> None:
    counts = {
        "images": (len(made.images), limits.IMAGES),
        "sizes": (len(made.dimensions), limits.DIMENSIONS),
        "values at a time": (len(made.locals), limits.LOCALS),
        "arrays": (len(made.arrays), limits.ARRAYS),
        "numbers carried from pixel to pixel": (len(made.carries), limits.CARRIES),
        "instructions": (len(made.code), limits.INSTRUCTIONS),
    }
    for what, (count, limit) in counts.items():
        if count > limit:
            span = next((each.span for each in kernels if each.name == made.name), None)
            note = f"it needs {count} {what}; the machine has {limit}"
            code, message = USER_RULES["V7"]
            raise CompileError((Diagnostic(code, message, span, notes=(note,)),))
