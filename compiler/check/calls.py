"""Calls: who is called, and which argument belongs to which parameter."""

from __future__ import annotations

from compiler import syntax
from compiler.check.body import Body, expression, poison
from compiler.check.builtins import BUILTINS, check_builtin
from compiler.check.conversions import check_conversion, condition, conversion_target
from compiler.check.embed import check_embed
from compiler.check.functions import call_function
from compiler.check.images import find_place
from compiler.check.modules import Entry
from compiler.check.names import unknown_name
from compiler.check.records import check_record
from compiler.check.reductions import check_reduction
from compiler.check.scope import Broken, View
from compiler.check.testblocks import ASSERTIONS, MAKERS
from compiler.typed import Expr
from compiler.types import ValueType

TEST_WORDS = frozenset({*MAKERS, *ASSERTIONS})


@expression(syntax.CallExpr)
def check_call(body: Body, node: syntax.CallExpr, expected: ValueType | None) -> Expr:
    """`callee(arguments)` used as a value."""
    callee = node.callee
    if not isinstance(callee, syntax.NameExpr):
        return _odd_callee(body, node)
    name = callee.name
    bound = body.scope.find(name)
    if bound is not None:
        if isinstance(bound, Broken):
            return poison(node.span)
        return body.error(
            "CPS0414",
            callee.span,
            "not a function",
            f"'{name}' cannot be called",
            help=f"elements and pixels are chosen with brackets: '{name}[{_inside(node)}]'",
        )
    for argument in node.arguments:
        if isinstance(argument.value, syntax.ForExpr):
            if len(node.arguments) > 1:
                return body.error(
                    "CPS0401",
                    node.span,
                    "only the one with 'for'",
                    f"'{name}' with 'for' takes one argument",
                )
            return check_reduction(body, node, name, argument.value, expected)
    conversion = conversion_target(body, name)
    if conversion is not None:
        return check_conversion(body, node, *conversion)
    entry = body.module.find(name)
    if entry is not None and entry.item is not None:
        item = entry.item
        if isinstance(item, syntax.FunctionItem):
            return call_function(body, node, entry, expected)
        if isinstance(item, syntax.RecordItem):
            return check_record(body, node, entry)
        if isinstance(item, syntax.KernelItem):
            return _kernel_call(body, node, entry, expected)
        return body.error("CPS0414", callee.span, "a constant", f"'{name}' cannot be called")
    return _other(body, node, name, expected)


def _inside(node: syntax.CallExpr) -> str:
    """The text between a call's parentheses."""
    return ", ".join(argument.span.text for argument in node.arguments)


def _other(body: Body, node: syntax.CallExpr, name: str, expected: ValueType | None) -> Expr:
    """Builtins, and names that stand for nothing."""
    if name == "require":
        return body.error("CPS0412", node.span, "a statement", "'require' gives no value")
    if name in BUILTINS:
        return check_builtin(body, node, name, expected)
    if name in TEST_WORDS:
        if body.kind == "test":
            return body.error(
                "CPS0701",
                node.span,
                "an image" if name in ("fill", "ramp", "noise") else "a statement",
                f"'{name}' gives no value",
            )
        return body.error(
            "CPS0702", node.callee.span, "only in tests", f"'{name}' belongs to tests"
        )
    if name == "embed":
        return check_embed(body, node, expected)
    return unknown_name(body, name, node.callee.span)


def _kernel_call(
    body: Body, node: syntax.CallExpr, entry: Entry, expected: ValueType | None
) -> Expr:
    name = node.callee.span.text
    if body.kind == "test":
        find_place(body, node)
        return body.error(
            "CPS0701",
            node.span,
            "all a kernel gave",
            "a kernel's result is no value",
            help=f"choose an output: '{name}(…).dst'",
        )
    return call_function(body, node, entry, expected)


def _odd_callee(body: Body, node: syntax.CallExpr) -> Expr:
    callee = node.callee
    if isinstance(callee, syntax.FieldExpr):
        if callee.name.text == "or":
            place = find_place(body, node)
            if isinstance(place, View):
                return body.error(
                    "CPS0125",
                    node.span,
                    "a view of an image",
                    "a view is no value",
                    help=f"read a pixel: '{node.span.text}[x, y]'",
                )
            if isinstance(place, Broken):
                return poison(node.span)
        return body.error(
            "CPS0414",
            callee.name.span,
            "not a function",
            "values have no methods",
            help=f"call a function: '{callee.name.text}({callee.base.span.text})'",
        )
    return body.error("CPS0414", callee.span, "not a function", "this cannot be called")


def check_require(body: Body, node: syntax.CallExpr) -> tuple[Expr, str] | None:
    """The condition and the text of a `require`; None after an error."""
    arguments = [argument.value for argument in node.arguments]
    test = condition(body, arguments[0]) if arguments else poison(node.span)
    if len(arguments) != 2 or not isinstance(arguments[1], syntax.Text):
        body.error(
            "CPS0401",
            node.span,
            "a condition and a text",
            "'require' takes a condition and a text",
            help="write 'require(n > 0, \"n must be positive\");'",
        )
        return None
    return test, arguments[1].value
