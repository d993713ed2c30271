"""The untyped tree: what the parser makes of one file. Every node has its span.

Nothing is resolved here: names are text, types are how they were written.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.source import Source, Span


@dataclass(frozen=True, slots=True)
class Name:
    """A name where one is declared or referred to."""

    text: str
    span: Span


# Types.


@dataclass(frozen=True, slots=True)
class NamedType:
    """`i32`, `T`, `image<u8, 3>`: arguments are types or numbers."""

    name: Name
    arguments: tuple[TypeSyntax | Number, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class BracketType:
    """`[element; length]`."""

    element: TypeSyntax
    length: Expr
    span: Span


TypeSyntax = NamedType | BracketType


# Expressions.


@dataclass(frozen=True, slots=True)
class Number:
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


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""

    value: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Text:
    """A string, escapes resolved."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class NameExpr:
    """A name used as a value."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class UnaryExpr:
    """`-a`, `!a`, `~a`."""

    operator: str
    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class BinaryExpr:
    """`a operator b`."""

    operator: str
    operator_span: Span
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class IfExpr:
    """`if condition { then } else { otherwise }`."""

    condition: Expr
    then: Expr
    otherwise: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class FieldExpr:
    """`base.name`."""

    base: Expr
    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class IndexExpr:
    """`base[a]`, `base[a, b]`."""

    base: Expr
    indices: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Argument:
    """`value`, or `name: value`."""

    name: Name | None
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class CallExpr:
    """`callee(arguments)`."""

    callee: Expr
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class RangeSyntax:
    """`start..end`, or `start..=end` (`closed`)."""

    start: Expr
    end: Expr
    closed: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Binder:
    """`for i in a..b`, or `for (x, y) in image`."""

    names: tuple[Name, ...]
    domain: RangeSyntax | Expr
    span: Span


@dataclass(frozen=True, slots=True)
class ForExpr:
    """`body for i in a..b`: what a reduction is called with."""

    body: Expr
    binders: tuple[Binder, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ArrayExpr:
    """`[a, b, c]`."""

    elements: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ArrayFillExpr:
    """`[value; length]`."""

    value: Expr
    length: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class ArrayForExpr:
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


@dataclass(frozen=True, slots=True)
class Block:
    """`{ statements }`; the span of its closing brace is where it ends."""

    statements: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class LetStatement:
    """`let name: type = value;`, or `var …` (`mutable`)."""

    name: Name
    type: TypeSyntax | None
    value: Expr
    mutable: bool
    span: Span


@dataclass(frozen=True, slots=True)
class AllocateStatement:
    """`var name: type(size);`: an image or rows."""

    name: Name
    type: TypeSyntax
    size: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class AssignStatement:
    """`target = value;`, or with `operator` "+" for `+=`, "-" for `-=`, and so on."""

    target: Expr
    operator: str
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class ExprStatement:
    """`expression;`: a call."""

    expression: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class ForStatement:
    """`for name in range step k { … }`."""

    name: Name
    range: RangeSyntax
    step: Expr | None
    body: Block
    span: Span


@dataclass(frozen=True, slots=True)
class MapStatement:
    """`map (x, y) in image { … }`; `head` ends before the body."""

    names: tuple[Name, ...]
    image: Expr
    body: Block
    head: Span
    span: Span


@dataclass(frozen=True, slots=True)
class ScanStatement:
    """`scan (x, y, d) in image by order { … }`."""

    names: tuple[Name, ...]
    image: Expr
    order: Expr | None
    body: Block
    head: Span
    span: Span


@dataclass(frozen=True, slots=True)
class IfStatement:
    """`if condition { … } else …`."""

    condition: Expr
    then: Block
    otherwise: Block | IfStatement | None
    span: Span


@dataclass(frozen=True, slots=True)
class ReturnStatement:
    """`return value;`."""

    value: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class JumpStatement:
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


@dataclass(frozen=True, slots=True)
class UseItem:
    """`use std.math { exp };`, or `use "file.cps" { name };` (`is_file`)."""

    path: str
    is_file: bool
    path_span: Span
    names: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ConstItem:
    """`const NAME: type = value;`."""

    name: Name
    type: TypeSyntax
    value: Expr
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class RecordField:
    """`name: type` in a record."""

    name: Name
    type: TypeSyntax
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class RecordItem:
    """`record Name { field: type, … }`."""

    name: Name
    fields: tuple[RecordField, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Generic:
    """`T: num` (`constant` is None), or `const N: i32`."""

    name: Name
    bound: str
    constant: TypeSyntax | None
    span: Span


@dataclass(frozen=True, slots=True)
class FunctionParameter:
    """`name: type`, `out name: image<…>(width, height)`."""

    direction: str
    name: Name
    type: TypeSyntax
    size: tuple[Argument, ...] | None
    span: Span


@dataclass(frozen=True, slots=True)
class FunctionItem:
    """`fn name<generics>(parameters) -> result { … }`."""

    name: Name
    generics: tuple[Generic, ...]
    parameters: tuple[FunctionParameter, ...]
    result: TypeSyntax | None
    body: Block
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class KernelImage:
    """`in name: image<…>(size)`, `out name: image<…>(size)`."""

    direction: str
    name: Name
    type: TypeSyntax
    size: tuple[Argument, ...] | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class KernelParam:
    """`param name: type in range = default`."""

    name: Name
    type: TypeSyntax
    range: RangeSyntax | None
    default: Expr | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class KernelItem:
    """`kernel name(parameters) -> result { … }`."""

    name: Name
    parameters: tuple[KernelImage | KernelParam, ...]
    result: TypeSyntax | None
    body: Block
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class TestItem:
    """`test "name" { … }`."""

    __test__ = False  # not a class of tests, whatever its name makes pytest think

    name: Text
    body: Block
    span: Span


Item = UseItem | ConstItem | RecordItem | FunctionItem | KernelItem | TestItem


@dataclass(frozen=True, slots=True)
class File:
    """A parsed file: its documentation (`//!`) and its items."""

    source: Source
    doc: str
    items: tuple[Item, ...]
