"""Inferring generic arguments: `T` and `N` of a call from its arguments and its expected type."""

from __future__ import annotations

from collections.abc import Iterator

from compiler import syntax
from compiler.diagnostics import Diagnostics
from compiler.types import ArrayType, ImageType, ScalarType, Type
from vm.types import FLOATS, INTEGERS, NUMBERS

Bindings = dict[str, ScalarType | int]

BOUNDS = {
    "num": ("numbers", NUMBERS),
    "int": ("whole numbers", INTEGERS),
    "float": ("floats", FLOATS),
}
"""What a generic type may be, by the word behind its colon."""


def check_declaration(diagnostics: Diagnostics, item: syntax.FunctionItem) -> None:
    """Check how a function declares its generics: before any call of it."""
    for generic in item.generics:
        constant = generic.constant
        if constant is None:
            if generic.bound not in BOUNDS:
                listed = ", ".join(f"'{generic.name.text}: {word}'" for word in BOUNDS)
                diagnostics.error(
                    "CPS0126",
                    generic.span,
                    "not a kind of type",
                    f"there is no kind of type '{generic.bound}'",
                    help=f"write {listed}, or for a constant 'const {generic.name.text}: i32'",
                )
        elif not isinstance(constant, syntax.NamedType) or constant.name.text != "i32":
            diagnostics.error(
                "CPS0126", constant.span, "must be i32", "constant generics are of type i32"
            )


def unify(node: syntax.TypeSyntax, actual: Type, generics: frozenset[str], found: Bindings) -> None:
    """Bind what is still unknown so that the type written as `node` would be `actual`.

    Nothing is reported here: the caller compares the finished types.
    """
    if isinstance(node, syntax.BracketType):
        if isinstance(actual, ArrayType):
            unify(node.element, actual.element, generics, found)
            if isinstance(node.length, syntax.NameExpr) and node.length.name in generics:
                found.setdefault(node.length.name, actual.length)
        return
    name = node.name.text
    if not node.arguments:
        if name in generics and isinstance(actual, ScalarType):
            found.setdefault(name, actual)
        return
    if name == "image" and isinstance(actual, ImageType):
        first, rest = node.arguments[0], node.arguments[1:]
        if not isinstance(first, syntax.Number):
            unify(first, actual.element, generics, found)
        if rest and isinstance(rest[0], syntax.NamedType) and rest[0].name.text in generics:
            found.setdefault(rest[0].name.text, actual.channels)


def mentioned(node: syntax.TypeSyntax | syntax.Expr) -> Iterator[str]:
    """The names that a type mentions."""
    if isinstance(node, syntax.BracketType):
        yield from mentioned(node.element)
        yield from mentioned(node.length)
    elif isinstance(node, syntax.NamedType):
        yield node.name.text
        for argument in node.arguments:
            yield from mentioned(argument)
    elif isinstance(node, syntax.NameExpr):
        yield node.name
    elif isinstance(node, syntax.BinaryExpr):
        yield from mentioned(node.left)
        yield from mentioned(node.right)
    elif isinstance(node, syntax.UnaryExpr):
        yield from mentioned(node.operand)
    elif isinstance(node, syntax.CallExpr):
        for each in node.arguments:
            yield from mentioned(each.value)
