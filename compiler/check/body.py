"""One body being checked: a kernel's, a function instance's, a test's, or a constant's value.

Handlers for the kinds of nodes register themselves with `expression` and `statement`; `Body.expr`
and `Body.block` dispatch to them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field

from compiler import syntax
from compiler.check.scope import Binding, Broken, Scope
from compiler.check.world import World
from compiler.diagnostics import Diagnostics
from compiler.source import Span
from compiler.symbols import Image, Local, Rows
from compiler.testblocks import TestStatement
from compiler.typed import Expr, Literal, LocalRead, Statement
from compiler.types import POISON, PoisonType, ScalarType, ValueType
from vm.module import Order

if TYPE_CHECKING:
    from compiler.check.modules import ModuleScope

Handler = TypeVar("Handler", bound=Callable[..., Any])
EXPRESSIONS: dict[type[Any], Callable[..., Expr]] = {}
STATEMENTS: dict[type[Any], Callable[..., list[Statement]]] = {}


def expression(kind: type[Any]) -> Callable[[Handler], Handler]:
    """Register the handler `(body, node, expected) -> Expr` of a kind of expression."""

    def register(handler: Handler) -> Handler:
        EXPRESSIONS[kind] = handler
        return handler

    return register


def statement(kind: type[Any]) -> Callable[[Handler], Handler]:
    """Register the handler `(body, node) -> list[Statement]` of a kind of statement."""

    def register(handler: Handler) -> Handler:
        STATEMENTS[kind] = handler
        return handler

    return register


class PixelLoop(Struct):
    """The `map` or `scan` being checked: its image and variables, and what its body writes.

    `order` and `turns` (whether lines may turn around) are those of a scan. `inside` are the locals
    declared in it.
    """

    word: str
    image: Image
    x: Local
    y: Local
    d: Local | None
    order: Order
    turns: bool
    written: dict[Image, Span]
    span: Span
    inside: set[Local] = field(default_factory=set)


class Body(Struct):
    """The state of checking one body.

    `kind` is "kernel", "function", "test" or "constant". `initial` holds the values of `let`s,
    for sizes made of them. `in_for` counts the `for`s around that a `break` may leave; `direct` is
    the expression that a `let` keeps. `steps` is where a test's statements go.
    """

    world: World
    module: ModuleScope
    kind: str
    name: str
    generics: dict[str, ScalarType | int] = field(default_factory=dict)
    scope: Scope = field(default_factory=Scope)
    loop: PixelLoop | None = None
    in_reduction: int = 0
    in_for: int = 0
    direct: syntax.Expr | None = None
    has_pixel_loop: bool = False
    initial: dict[Local, Expr] = field(default_factory=dict)
    declared: list[tuple[Local | Rows, Span]] = field(default_factory=list)
    used: set[object] = field(default_factory=set)
    steps: list[TestStatement] = field(default_factory=list)

    @property
    def diagnostics(self) -> Diagnostics:
        """Where findings go."""
        return self.world.diagnostics

    def error(self, code: str, span: Span, *args: Any, **kwargs: Any) -> Literal:
        """Report an error; gives the poison that stands for what is wrong."""
        self.diagnostics.error(code, span, *args, **kwargs)
        return poison(span)

    def expr(self, node: syntax.Expr, expected: ValueType | None = None) -> Expr:
        """Check an expression; `expected` guides literals and generics, but is not demanded."""
        result: Expr = EXPRESSIONS[type(node)](self, node, expected)
        return result

    def block(self, block: syntax.Block) -> tuple[Statement, ...]:
        """Check the statements of a block in a scope of their own."""
        self.scope.blocks.append({})
        statements = self.statements(block.statements)
        self.scope.blocks.pop()
        return statements

    def statements(self, nodes: tuple[syntax.Statement, ...]) -> tuple[Statement, ...]:
        """Check statements in the scope as it is."""
        found: list[Statement] = []
        for node in nodes:
            found.extend(STATEMENTS[type(node)](self, node))
        return tuple(found)

    def declare(self, name: syntax.Name, binding: Binding) -> None:
        """Bind a name; hiding another name of this body is refused."""
        text = name.text
        earlier = self.scope.declared_at(text)
        if earlier is not None:
            where, same_block = earlier
            code = "CPS0122" if same_block else "CPS0123"
            help_ = "choose another name"
            if (
                same_block
                and isinstance(binding, Local)
                and not isinstance(self.scope.find(text), Broken)
            ):
                help_ = "choose another name, or declare the first with 'var' and assign to it"
            self.error(
                code,
                name.span,
                "declared again here",
                f"the name '{text}' is taken",
                also=((where, "declared first here"),),
                help=help_,
            )
        self.scope.declare(text, binding, name.span)
        if self.loop is not None and isinstance(binding, Local):
            self.loop.inside.add(binding)

    def new_local(self, name: syntax.Name, type_: ValueType, mutable: bool = False) -> Local:
        """Make a local and bind its name."""
        local = Local(name.text, type_, name.span, mutable)
        self.declare(name, local if not isinstance(type_, PoisonType) else Broken(name.span))
        return local

    def warn_unused(self) -> None:
        """Warn of what was declared and never used."""
        for symbol, span in self.declared:
            if symbol not in self.used and not symbol.name.startswith("_"):
                self.diagnostics.warning(
                    "CPS0124",
                    span,
                    "never used",
                    f"'{symbol.name}' is never used",
                    help=f"remove it, or call it '_{symbol.name}'",
                )


def poison(span: Span) -> Literal:
    """Stands for an expression that has been diagnosed."""
    return Literal(0, POISON, span)


def is_poison(*expressions: Expr) -> bool:
    """Whether one of the expressions has been diagnosed."""
    return any(isinstance(each.type, PoisonType) for each in expressions)


def read_local(local: Local, span: Span) -> LocalRead:
    """The value of a local."""
    return LocalRead(local, local.type, span)
