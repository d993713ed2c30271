"""The whole program: every item of the main source, and what it uses of others."""

from __future__ import annotations

import sys
from typing import NoReturn

from compiler import syntax
from compiler.check import arrays, assignments, calls, literals, loops, names, operators, statements
from compiler.check.body import EXPRESSIONS, STATEMENTS, Body
from compiler.check.constants import item_constant
from compiler.check.generics import check_declaration
from compiler.check.instances import instance_of
from compiler.check.kernels import kernel_of
from compiler.check.modules import Loader, ModuleScope
from compiler.check.testblocks import check_test
from compiler.check.typesyntax import record_type
from compiler.check.world import World
from compiler.diagnostics import Diagnostics
from compiler.source import Source
from compiler.testblocks import TypedTest
from compiler.typed import Kernel, TypedProgram
from vm.limits import KERNELS

HANDLERS = (arrays, assignments, calls, literals, loops, names, operators, statements)
"""The modules that register a handler for every kind of expression and statement."""

assert set(STATEMENTS) == set(syntax.Statement.__args__)
assert set(EXPRESSIONS) == set(syntax.Expr.__args__)


def check_program(source: Source) -> TypedProgram:
    """The typed tree of a program. Raises `CompileError`."""
    diagnostics = Diagnostics()
    try:
        return _check(source, diagnostics)
    except RecursionError:
        _too_deep(diagnostics)


def _too_deep(diagnostics: Diagnostics) -> NoReturn:
    """Nesting that no single limit catches, such as deep calls within deep expressions."""
    diagnostics.fatal("CPS0105", None, note=f"the checker may nest {sys.getrecursionlimit()} calls")


def _check(source: Source, diagnostics: Diagnostics) -> TypedProgram:
    loader = Loader(source, diagnostics)
    main = loader.load_main(source)
    if any(_is_syntax(each.code) for each in diagnostics.found):
        raise diagnostics.failure()
    world = World(source, diagnostics, loader)
    kernels, tests = _items(world, main)
    if len(kernels) > KERNELS:
        diagnostics.error("CPS0607", kernels[-1].span, f"more than {KERNELS} kernels")
    diagnostics.check()
    functions = tuple(function for function in world.instances.values())
    return TypedProgram(
        source,
        main.file.doc,
        kernels,
        functions,
        tests,
        tuple(loader.sources),
        tuple(diagnostics.found),
    )


def _is_syntax(code: str) -> bool:
    """Whether a code is of the first two folders: text and syntax, before names."""
    return int(code[3:]) < 121


def _items(world: World, main: ModuleScope) -> tuple[tuple[Kernel, ...], tuple[TypedTest, ...]]:
    """Check every item of the main source."""
    outer = Body(world, main, "constant", "")
    kernels: list[Kernel] = []
    tests: list[TypedTest] = []
    for item in main.file.items:
        if isinstance(item, syntax.TestItem):
            tests.append(check_test(Body(world, main, "test", item.name.value), item))
            continue
        if isinstance(item, syntax.UseItem):
            continue
        entry = main.find(item.name.text)
        if entry is None or entry.item is not item:
            continue
        if isinstance(item, syntax.RecordItem):
            record_type(outer, entry)
        elif isinstance(item, syntax.ConstItem):
            item_constant(outer, entry, item.name.span)
        elif isinstance(item, syntax.KernelItem):
            kernel = kernel_of(outer, entry)
            if kernel is not None:
                kernels.append(kernel)
        elif item.generics:
            check_declaration(world.diagnostics, item)
        else:
            instance_of(outer, entry, {}, item.name.span)
    return tuple(kernels), tuple(tests)


__all__ = ["check_program"]
