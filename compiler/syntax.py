"""The untyped tree: what the parser makes of one file. Every node has its span.

Nothing is resolved here: names are text, types are how they were written.
"""

from __future__ import annotations

from msgspec import Struct

from compiler.source import Source, Span


class Name(Struct, frozen=True):
    """A name where one is declared or referred to."""

    text: str
    span: Span


# Types.


class NamedType(Struct, frozen=True):
    """`i32`, `T`, `image<u8, 3>`: arguments are types or numbers."""

    name: Name
    arguments: tuple[TypeSyntax | Number, ...]
    span: Span


class BracketType(Struct, frozen=True):
    """`[element; length]`."""

    element: TypeSyntax
    length: Expr
    span: Span


TypeSyntax = NamedType | BracketType


# Expressions.


class Number(Struct, frozen=True):
    """A number as written: `value` is exact for integers, the nearest double for floats.

    `suffix` is "f32", "f64" or "".
    """

    value: int | float
    suffix: str
    span: Span

    @property
    def is_float(self) -> bool:
        """Whether it was written as a float."""
        return isinstance(self.value, float)


class Truth(Struct, frozen=True):
    """`true` or `false`."""

    value: bool
    span: Span


class Text(Struct, frozen=True):
    """A string, escapes resolved."""

    value: str
    span: Span


class NameExpr(Struct, frozen=True):
    """A name used as a value."""

    name: str
    span: Span


class UnaryExpr(Struct, frozen=True):
    """`-a`, `!a`, `~a`."""

    operator: str
    operand: Expr
    span: Span


class BinaryExpr(Struct, frozen=True):
    """`a operator b`."""

    operator: str
    operator_span: Span
    left: Expr
    right: Expr
    span: Span


class IfExpr(Struct, frozen=True):
    """`if condition { then } else { otherwise }`."""

    condition: Expr
    then: Expr
    otherwise: Expr
    span: Span


class FieldExpr(Struct, frozen=True):
    """`base.name`."""

    base: Expr
    name: Name
    span: Span


class IndexExpr(Struct, frozen=True):
    """`base[a]`, `base[a, b]`."""

    base: Expr
    indices: tuple[Expr, ...]
    span: Span


class Argument(Struct, frozen=True):
    """`value`, or `name: value`."""

    name: Name | None
    value: Expr
    span: Span


class CallExpr(Struct, frozen=True):
    """`callee(arguments)`."""

    callee: Expr
    arguments: tuple[Argument, ...]
    span: Span


class RangeSyntax(Struct, frozen=True):
    """`start..end`, or `start..=end` (`closed`)."""

    start: Expr
    end: Expr
    closed: bool
    span: Span


class Binder(Struct, frozen=True):
    """`for i in a..b`, or `for (x, y) in image`."""

    names: tuple[Name, ...]
    domain: RangeSyntax | Expr
    span: Span


class ForExpr(Struct, frozen=True):
    """`body for i in a..b`: what a reduction is called with."""

    body: Expr
    binders: tuple[Binder, ...]
    span: Span


class ArrayExpr(Struct, frozen=True):
    """`[a, b, c]`."""

    elements: tuple[Expr, ...]
    span: Span


class ArrayFillExpr(Struct, frozen=True):
    """`[value; length]`."""

    value: Expr
    length: Expr
    span: Span


class ArrayForExpr(Struct, frozen=True):
    """`[body for i in a..b]`."""

    body: Expr
    binders: tuple[Binder, ...]
    span: Span


Expr = (
    Number
    | Truth
    | Text
    | NameExpr
    | UnaryExpr
    | BinaryExpr
    | IfExpr
    | FieldExpr
    | IndexExpr
    | CallExpr
    | ForExpr
    | ArrayExpr
    | ArrayFillExpr
    | ArrayForExpr
)


# Statements.


class Block(Struct, frozen=True):
    """`{ statements }`; the span of its closing brace is where it ends."""

    statements: tuple[Statement, ...]
    span: Span


class LetStatement(Struct, frozen=True):
    """`let name: type = value;`, or `var …` (`mutable`)."""

    name: Name
    type: TypeSyntax | None
    value: Expr
    mutable: bool
    span: Span


class AllocateStatement(Struct, frozen=True):
    """`var name: type(size);`: an image or rows."""

    name: Name
    type: TypeSyntax
    size: tuple[Argument, ...]
    span: Span


class AssignStatement(Struct, frozen=True):
    """`target = value;`, or with `operator` "+" for `+=`, "-" for `-=`, and so on."""

    target: Expr
    operator: str
    value: Expr
    span: Span


class ExprStatement(Struct, frozen=True):
    """`expression;`: a call."""

    expression: Expr
    span: Span


class ForStatement(Struct, frozen=True):
    """`for name in range step k { … }`."""

    name: Name
    range: RangeSyntax
    step: Expr | None
    body: Block
    span: Span


class MapStatement(Struct, frozen=True):
    """`map (x, y) in image { … }`; `head` ends before the body."""

    names: tuple[Name, ...]
    image: Expr
    body: Block
    head: Span
    span: Span


class ScanStatement(Struct, frozen=True):
    """`scan (x, y, d) in image by order { … }`."""

    names: tuple[Name, ...]
    image: Expr
    order: Expr | None
    body: Block
    head: Span
    span: Span


class IfStatement(Struct, frozen=True):
    """`if condition { … } else …`."""

    condition: Expr
    then: Block
    otherwise: Block | IfStatement | None
    span: Span


class ReturnStatement(Struct, frozen=True):
    """`return value;`."""

    value: Expr | None
    span: Span


class JumpStatement(Struct, frozen=True):
    """`break;` or `continue;`."""

    word: str
    span: Span


Statement = (
    LetStatement
    | AllocateStatement
    | AssignStatement
    | ExprStatement
    | ForStatement
    | MapStatement
    | ScanStatement
    | IfStatement
    | ReturnStatement
    | JumpStatement
)


# Items.


class UseItem(Struct, frozen=True):
    """`use std.math { exp };`, or `use "file.cps" { name };` (`is_file`)."""

    path: str
    is_file: bool
    path_span: Span
    names: tuple[Name, ...]
    span: Span


class ConstItem(Struct, frozen=True):
    """`const NAME: type = value;`."""

    name: Name
    type: TypeSyntax
    value: Expr
    doc: str
    span: Span


class RecordField(Struct, frozen=True):
    """`name: type` in a record."""

    name: Name
    type: TypeSyntax
    doc: str
    span: Span


class RecordItem(Struct, frozen=True):
    """`record Name { field: type, … }`."""

    name: Name
    fields: tuple[RecordField, ...]
    doc: str
    span: Span


class Generic(Struct, frozen=True):
    """`T: num` (`constant` is None), or `const N: i32`."""

    name: Name
    bound: str
    constant: TypeSyntax | None
    span: Span


class FunctionParameter(Struct, frozen=True):
    """`name: type`, `out name: image<…>(width, height)`."""

    direction: str
    name: Name
    type: TypeSyntax
    size: tuple[Argument, ...] | None
    span: Span


class FunctionItem(Struct, frozen=True):
    """`fn name<generics>(parameters) -> result { … }`."""

    name: Name
    generics: tuple[Generic, ...]
    parameters: tuple[FunctionParameter, ...]
    result: TypeSyntax | None
    body: Block
    doc: str
    span: Span


class KernelImage(Struct, frozen=True):
    """`in name: image<…>(size)`, `out name: image<…>(size)`."""

    direction: str
    name: Name
    type: TypeSyntax
    size: tuple[Argument, ...] | None
    doc: str
    span: Span


class KernelParam(Struct, frozen=True):
    """`param name: type in range = default`."""

    name: Name
    type: TypeSyntax
    range: RangeSyntax | None
    default: Expr | None
    doc: str
    span: Span


class KernelItem(Struct, frozen=True):
    """`kernel name(parameters) -> result { … }`."""

    name: Name
    parameters: tuple[KernelImage | KernelParam, ...]
    result: TypeSyntax | None
    body: Block
    doc: str
    span: Span


class TestItem(Struct, frozen=True):
    """`test "name" { … }`."""

    __test__ = False  # not a class of tests, whatever its name makes pytest think

    name: Text
    body: Block
    span: Span


Item = UseItem | ConstItem | RecordItem | FunctionItem | KernelItem | TestItem


class File(Struct, frozen=True):
    """A parsed file: its documentation (`//!`) and its items."""

    source: Source
    doc: str
    items: tuple[Item, ...]
