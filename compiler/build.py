"""One method for each rule of the grammar: from its children to a node of the untyped tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compiler import syntax
from compiler.diagnostics import Diagnostics
from compiler.source import Source, Span
from compiler.tokens import Token

ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


class Builder:
    """Builds nodes; `span` and `doc` are those of the rule that is being reduced."""

    def __init__(self, source: Source, diagnostics: Diagnostics) -> None:
        self.source = source
        self.diagnostics = diagnostics
        self.span = Span(source, 0, 0)
        self.doc = ""
        self.actions: dict[str, Callable[..., Any]] = {}

    def build(self, action: str, start: int, end: int, doc: str, children: list[Any]) -> Any:
        """The node for a rule named `action` over the characters `start..end`."""
        self.span = Span(self.source, start, end)
        self.doc = doc
        method = self.actions.get(action)
        if method is None:
            method = self.actions[action] = getattr(self, f"on_{action}")
        return method(*children)

    def token_span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    def as_name(self, token: Token) -> syntax.Name:
        return syntax.Name(token.text, self.token_span(token))

    # Items.

    def on_start(self, *items: syntax.Item) -> tuple[syntax.Item, ...]:
        return items

    def on_use_path(self, *parts: Token) -> tuple[str, bool, Span]:
        if parts[0].kind == "STRING":
            return self.unquote(parts[0]), True, self.span
        return "".join(part.text for part in parts), False, self.span

    def on_use(self, path: tuple[str, bool, Span], *names: Token) -> syntax.UseItem:
        return syntax.UseItem(*path, tuple(map(self.as_name, names)), self.span)

    def on_const(
        self, name: Token, type_: syntax.TypeSyntax, value: syntax.Expr
    ) -> syntax.ConstItem:
        return syntax.ConstItem(self.as_name(name), type_, value, self.doc, self.span)

    def on_field(self, name: Token, type_: syntax.TypeSyntax) -> syntax.RecordField:
        return syntax.RecordField(self.as_name(name), type_, self.doc, self.span)

    def on_record(self, name: Token, *fields: syntax.RecordField) -> syntax.RecordItem:
        return syntax.RecordItem(self.as_name(name), fields, self.doc, self.span)

    def on_type_generic(self, name: Token, bound: Token) -> syntax.Generic:
        return syntax.Generic(self.as_name(name), bound.text, None, self.span)

    def on_const_generic(self, name: Token, type_: syntax.TypeSyntax) -> syntax.Generic:
        return syntax.Generic(self.as_name(name), "", type_, self.span)

    def on_generics(self, *generics: syntax.Generic) -> tuple[syntax.Generic, ...]:
        return generics

    def on_direction(self, token: Token) -> Token:
        return token

    def on_size(self, arguments: tuple[syntax.Argument, ...]) -> tuple[syntax.Argument, ...]:
        return arguments

    def on_function_parameter(
        self,
        direction: Token | None,
        name: Token,
        type_: syntax.TypeSyntax,
        size: tuple[syntax.Argument, ...] | None,
    ) -> syntax.FunctionParameter:
        word = direction.text if direction else ""
        return syntax.FunctionParameter(word, self.as_name(name), type_, size, self.span)

    def on_function_parameters(
        self, *parameters: syntax.FunctionParameter
    ) -> tuple[syntax.FunctionParameter, ...]:
        return parameters

    def on_function(
        self,
        name: Token,
        generics: tuple[syntax.Generic, ...] | None,
        parameters: tuple[syntax.FunctionParameter, ...] | None,
        result: syntax.TypeSyntax | None,
        body: syntax.Block,
    ) -> syntax.FunctionItem:
        return syntax.FunctionItem(
            self.as_name(name), generics or (), parameters or (), result, body, self.doc, self.span
        )

    def on_kernel_in(
        self, name: Token, type_: syntax.TypeSyntax, size: tuple[syntax.Argument, ...] | None
    ) -> syntax.KernelImage:
        return syntax.KernelImage("in", self.as_name(name), type_, size, self.doc, self.span)

    def on_kernel_out(
        self, name: Token, type_: syntax.TypeSyntax, size: tuple[syntax.Argument, ...] | None
    ) -> syntax.KernelImage:
        return syntax.KernelImage("out", self.as_name(name), type_, size, self.doc, self.span)

    def on_kernel_param(
        self,
        name: Token,
        type_: syntax.TypeSyntax,
        range_: syntax.RangeSyntax | None,
        default: syntax.Expr | None,
    ) -> syntax.KernelParam:
        return syntax.KernelParam(self.as_name(name), type_, range_, default, self.doc, self.span)

    def on_kernel_parameters(
        self, *parameters: syntax.KernelImage | syntax.KernelParam
    ) -> tuple[syntax.KernelImage | syntax.KernelParam, ...]:
        return parameters

    def on_kernel(
        self,
        name: Token,
        parameters: tuple[syntax.KernelImage | syntax.KernelParam, ...] | None,
        result: syntax.TypeSyntax | None,
        body: syntax.Block,
    ) -> syntax.KernelItem:
        return syntax.KernelItem(
            self.as_name(name), parameters or (), result, body, self.doc, self.span
        )

    def on_test(self, name: Token, body: syntax.Block) -> syntax.TestItem:
        text = syntax.Text(self.unquote(name), self.token_span(name))
        return syntax.TestItem(text, body, self.span)

    # Types.

    def on_named_type(
        self, name: Token, arguments: tuple[syntax.TypeSyntax | syntax.Number, ...] | None
    ) -> syntax.NamedType:
        return syntax.NamedType(self.as_name(name), arguments or (), self.span)

    def on_array_type(self, element: syntax.TypeSyntax, length: syntax.Expr) -> syntax.BracketType:
        return syntax.BracketType(element, length, self.span)

    def on_type_arguments(
        self, *arguments: syntax.TypeSyntax | syntax.Number
    ) -> tuple[syntax.TypeSyntax | syntax.Number, ...]:
        return arguments

    def on_number(self, token: Token) -> syntax.Number:
        return self.on_integer(token)

    # Statements.

    def on_block(self, *statements: syntax.Statement) -> syntax.Block:
        return syntax.Block(statements, self.span)

    def on_let(
        self, name: Token, type_: syntax.TypeSyntax | None, value: syntax.Expr
    ) -> syntax.LetStatement:
        return syntax.LetStatement(self.as_name(name), type_, value, False, self.span)

    def on_var(
        self, name: Token, type_: syntax.TypeSyntax | None, value: syntax.Expr
    ) -> syntax.LetStatement:
        return syntax.LetStatement(self.as_name(name), type_, value, True, self.span)

    def on_allocate(
        self, name: Token, type_: syntax.TypeSyntax, size: tuple[syntax.Argument, ...]
    ) -> syntax.AllocateStatement:
        return syntax.AllocateStatement(self.as_name(name), type_, size, self.span)

    def on_assign(
        self, target: syntax.Expr, operator: Token, value: syntax.Expr
    ) -> syntax.AssignStatement:
        return syntax.AssignStatement(target, operator.text[:-1], value, self.span)

    def on_call_statement(self, expression: syntax.Expr) -> syntax.ExprStatement:
        return syntax.ExprStatement(expression, self.span)

    def on_for_loop(
        self,
        name: Token,
        range_: syntax.RangeSyntax,
        step: syntax.Expr | None,
        body: syntax.Block,
    ) -> syntax.ForStatement:
        return syntax.ForStatement(self.as_name(name), range_, step, body, self.span)

    def on_names(self, *names: Token) -> tuple[syntax.Name, ...]:
        return tuple(map(self.as_name, names))

    def head(self, body: syntax.Block) -> Span:
        text = self.source.text
        end = body.span.start
        while end > self.span.start and text[end - 1].isspace():
            end -= 1
        return Span(self.source, self.span.start, end)

    def on_map_loop(
        self, names: tuple[syntax.Name, ...], image: syntax.Expr, body: syntax.Block
    ) -> syntax.MapStatement:
        return syntax.MapStatement(names, image, body, self.head(body), self.span)

    def on_scan_loop(
        self,
        names: tuple[syntax.Name, ...],
        image: syntax.Expr,
        order: syntax.Expr | None,
        body: syntax.Block,
    ) -> syntax.ScanStatement:
        return syntax.ScanStatement(names, image, order, body, self.head(body), self.span)

    def on_if_statement(
        self,
        condition: syntax.Expr,
        then: syntax.Block,
        otherwise: syntax.Block | syntax.IfStatement | None,
    ) -> syntax.IfStatement:
        return syntax.IfStatement(condition, then, otherwise, self.span)

    def on_return_statement(self, value: syntax.Expr | None) -> syntax.ReturnStatement:
        return syntax.ReturnStatement(value, self.span)

    def on_break_statement(self) -> syntax.JumpStatement:
        return syntax.JumpStatement("break", self.span)

    def on_continue_statement(self) -> syntax.JumpStatement:
        return syntax.JumpStatement("continue", self.span)

    def on_range(self, start: syntax.Expr, end: syntax.Expr) -> syntax.RangeSyntax:
        return syntax.RangeSyntax(start, end, False, self.span)

    def on_closed_range(self, start: syntax.Expr, end: syntax.Expr) -> syntax.RangeSyntax:
        return syntax.RangeSyntax(start, end, True, self.span)

    # Expressions.

    def on_if_expr(
        self, condition: syntax.Expr, then: syntax.Expr, otherwise: syntax.Expr
    ) -> syntax.IfExpr:
        return syntax.IfExpr(condition, then, otherwise, self.span)

    def on_binary(
        self, left: syntax.Expr, operator: Token, right: syntax.Expr
    ) -> syntax.BinaryExpr:
        where = self.token_span(operator)
        return syntax.BinaryExpr(operator.text, where, left, right, self.span)

    def on_unary(self, operator: Token, operand: syntax.Expr) -> syntax.UnaryExpr:
        return syntax.UnaryExpr(operator.text, operand, self.span)

    def on_operator(self, token: Token) -> Token:
        return token

    on_or_operator = on_and_operator = on_compare_operator = on_or_bits = on_operator
    on_xor_bits = on_and_bits = on_shift_operator = on_add_operator = on_operator
    on_multiply_operator = on_unary_operator = on_assign_operator = on_operator

    def on_field_expr(self, base: syntax.Expr, name: Token) -> syntax.FieldExpr:
        return syntax.FieldExpr(base, self.as_name(name), self.span)

    def on_index(self, base: syntax.Expr, *indices: syntax.Expr) -> syntax.IndexExpr:
        return syntax.IndexExpr(base, indices, self.span)

    def on_call(
        self, callee: syntax.Expr, arguments: tuple[syntax.Argument, ...] | None
    ) -> syntax.CallExpr:
        return syntax.CallExpr(callee, arguments or (), self.span)

    def on_arguments(self, *arguments: syntax.Argument) -> tuple[syntax.Argument, ...]:
        return arguments

    def on_plain_argument(self, value: syntax.Expr) -> syntax.Argument:
        return syntax.Argument(None, value, self.span)

    def on_named_argument(self, name: Token, value: syntax.Expr) -> syntax.Argument:
        return syntax.Argument(self.as_name(name), value, self.span)

    def on_reduction_argument(self, body: syntax.Expr, *binders: syntax.Binder) -> syntax.Argument:
        return syntax.Argument(None, syntax.ForExpr(body, binders, self.span), self.span)

    def on_range_binder(self, name: Token, range_: syntax.RangeSyntax) -> syntax.Binder:
        return syntax.Binder((self.as_name(name),), range_, self.span)

    def on_pixel_binder(self, names: tuple[syntax.Name, ...], image: syntax.Expr) -> syntax.Binder:
        return syntax.Binder(names, image, self.span)

    def on_name(self, token: Token) -> syntax.NameExpr:
        return syntax.NameExpr(token.text, self.span)

    def on_integer(self, token: Token) -> syntax.Number:
        text = token.text.replace("_", "")
        digits = text[2:] if text[:2] in ("0x", "0b") else text
        if len(digits) > 64:
            self.diagnostics.error(
                "CPS0103", self.token_span(token), "more digits than any type has"
            )
            text = "0"
        base = {"0x": 16, "0b": 2}.get(text[:2], 10)
        return syntax.Number(int(text, base), "", self.token_span(token))

    def on_float(self, token: Token) -> syntax.Number:
        text = token.text.replace("_", "")
        suffix = text[-3:] if text.endswith(("f32", "f64")) else ""
        value = float(text.removesuffix(suffix) if suffix else text)
        return syntax.Number(value, suffix, self.span)

    def on_text(self, token: Token) -> syntax.Text:
        return syntax.Text(self.unquote(token), self.span)

    def on_true(self) -> syntax.Truth:
        return syntax.Truth(True, self.span)

    def on_false(self) -> syntax.Truth:
        return syntax.Truth(False, self.span)

    def on_group(self, inner: syntax.Expr) -> syntax.Expr:
        return inner

    def on_array(self, *elements: syntax.Expr) -> syntax.ArrayExpr:
        return syntax.ArrayExpr(elements, self.span)

    def on_array_fill(self, value: syntax.Expr, length: syntax.Expr) -> syntax.ArrayFillExpr:
        return syntax.ArrayFillExpr(value, length, self.span)

    def on_array_comprehension(
        self, body: syntax.Expr, *binders: syntax.Binder
    ) -> syntax.ArrayForExpr:
        return syntax.ArrayForExpr(body, binders, self.span)

    def unquote(self, token: Token) -> str:
        """The text between the quotes, escapes resolved."""
        inner = token.text[1:-1]
        if "\\" not in inner:
            return inner
        parts: list[str] = []
        position = 0
        while position < len(inner):
            character = inner[position]
            if character != "\\":
                parts.append(character)
                position += 1
                continue
            escape = inner[position + 1]
            if escape in ESCAPES:
                parts.append(ESCAPES[escape])
            else:
                start = token.start + 1 + position
                self.diagnostics.error(
                    "CPS0109",
                    Span(self.source, start, start + 2),
                    "not an escape",
                    help='the escapes are \\n, \\t, \\" and \\\\',
                )
            position += 2
        return "".join(parts)
