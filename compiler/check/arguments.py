"""Which argument belongs to which parameter."""

from __future__ import annotations

from collections.abc import Sequence

from compiler import syntax
from compiler.check.body import Body
from compiler.check.scope import nearest
from compiler.source import Span


def bind_arguments(
    body: Body,
    node: syntax.CallExpr,
    callee: str,
    names: Sequence[str],
    optional: frozenset[str],
    where: Span,
) -> dict[str, syntax.Expr] | None:
    """The argument of each parameter by name; None after an error.

    Positional arguments come first, then named ones; `optional` parameters may be left out.
    `where` is the callee's declaration.
    """
    bound: dict[str, syntax.Expr] = {}
    failed = False
    for index, argument in enumerate(node.arguments):
        if argument.name is None:
            if index >= len(names):
                body.error(
                    "CPS0401",
                    argument.span,
                    "one too many",
                    f"'{callee}' takes {len(names)} argument{'s' if len(names) != 1 else ''}",
                    also=((where, "declared here"),),
                )
                return None
            if len(bound) != index:
                body.error(
                    "CPS0402",
                    argument.span,
                    "must come first",
                    "an argument without a name follows one with a name",
                )
                return None
            bound[names[index]] = argument.value
            continue
        name = argument.name.text
        if name not in names:
            meant = nearest(name, names)
            listed = ", ".join(names) or "none"
            body.error(
                "CPS0402",
                argument.name.span,
                "unknown",
                f"'{callee}' has no parameter '{name}'",
                help=f"did you mean '{meant}'?" if meant else f"its parameters: {listed}",
            )
            failed = True
        elif name in bound:
            body.error(
                "CPS0402",
                argument.name.span,
                "given again",
                f"the parameter '{name}' is given twice",
            )
            failed = True
        else:
            bound[name] = argument.value
    missing = [name for name in names if name not in bound and name not in optional]
    if missing and not failed:
        listed = " and ".join(f"'{name}'" for name in missing)
        body.error(
            "CPS0401",
            node.span,
            f"no {listed}",
            f"'{callee}' needs {listed}",
            also=((where, "declared here"),),
        )
        failed = True
    return None if failed else bound
