"""Constant evaluation: a small interpreter of typed expressions, with a budget of steps.

It serves `const`, lengths, ranges and defaults. Values are Python's; arrays are tuples.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from compiler import syntax, typed
from compiler.check.conversions import demand
from compiler.check.folding import COMPARISONS, operate
from compiler.check.world import CONSTANT_STEPS, World
from compiler.source import Span
from compiler.symbols import Image, Local
from compiler.types import (
    I32,
    ArgType,
    ArrayType,
    PoisonType,
    RecordType,
    ScalarType,
    ValueType,
    element_count,
    scalar_of,
)
from vm.opcodes import Op
from vm.reduction import REDUCTIONS, Line
from vm.scalar import MEANING, ArithmeticTrap
from vm.types import ScalarType as MachineScalar

if TYPE_CHECKING:
    from compiler.check.body import Body


DIVISIONS = frozenset({Op.DIV, Op.REM, Op.DIV_FLOOR, Op.MOD_FLOOR, Op.DIV_ROUND})


class NotConstant(Exception):
    """An expression has no constant value: where, why, and the diagnostic's code."""

    def __init__(self, code: str, span: Span, label: str) -> None:
        super().__init__(code, span, label)
        self.code, self.span, self.label = code, span, label


class _Jumped(Exception):
    """A `break` or `continue` that is on its way to its loop."""

    def __init__(self, leaves: bool) -> None:
        super().__init__(leaves)
        self.leaves = leaves


def constant(body: Body, node: syntax.Expr, wanted: ValueType, what: str) -> Any:
    """The value of an expression that must be constant; None after an error."""
    value = demand(body, body.expr(node, wanted), wanted)
    return constant_value(body, value, what)


def constant_int(body: Body, node: syntax.Expr, what: str) -> int | None:
    """The value of a constant i32; None after an error."""
    value = constant(body, node, I32, what)
    return value if isinstance(value, int) else None


def constant_value(body: Body, value: typed.Expr, what: str) -> Any:
    """The value of a checked expression that must be constant; None after an error."""
    if isinstance(value.type, PoisonType):
        return None
    try:
        return Evaluator(body.world).value(value)
    except NotConstant as problem:
        message = f"{what} must be constant" if problem.code == "CPS0501" else None
        also: tuple[tuple[Span, str], ...] = ()
        if problem.span.source is not value.span.source:
            also = ((value.span, "needed here"),)
        body.error(problem.code, problem.span, problem.label, message, also=also)
        return None


def to_typed(value: Any, type_: ValueType, span: Span) -> typed.Literal | typed.ConstantArray:
    """A value as a node of the typed tree."""
    if isinstance(type_, ArrayType):
        return typed.ConstantArray(flat(value), type_, span)
    return typed.Literal(value, type_, span)


def flat(value: Any) -> tuple[Any, ...]:
    """The scalars of a value, in order."""
    if isinstance(value, tuple):
        return tuple(scalar for element in value for scalar in flat(element))
    return (value,)


def nested(values: tuple[Any, ...], type_: ValueType) -> Any:
    """The inverse of `flat`."""
    if not isinstance(type_, ArrayType):
        return values[0]
    size = len(values) // type_.length
    return tuple(
        nested(values[k * size : (k + 1) * size], type_.element) for k in range(type_.length)
    )


def elementwise(op: Op, scalar: ScalarType, left: Any, right: Any) -> Any:
    """An operator on arrays, or on an array and a number that scales it."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        return tuple(elementwise(op, scalar, a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, tuple):
        return tuple(elementwise(op, scalar, a, right) for a in left)
    if isinstance(right, tuple):
        return tuple(elementwise(op, scalar, left, b) for b in right)
    return operate(op, scalar, left, right)


class Evaluator:
    """Evaluates typed expressions; locals live in `values`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.values: dict[Local, Any] = {}

    def value(self, node: typed.Expr) -> Any:
        """The value of an expression. Raises `NotConstant`."""
        self.spend(1, node.span)
        method = getattr(self, f"on_{type(node).__name__.lower()}", None)
        if method is None:
            raise NotConstant("CPS0501", node.span, "only known when the kernel runs")
        return method(node)

    def spend(self, steps: int, span: Span) -> None:
        """Count steps. Raises `NotConstant` when the budget is spent."""
        self.world.steps += steps
        if self.world.steps > CONSTANT_STEPS:
            raise NotConstant("CPS0503", span, f"more than {CONSTANT_STEPS} steps")

    def on_literal(self, node: typed.Literal) -> Any:
        return node.value

    def on_constantarray(self, node: typed.ConstantArray) -> Any:
        return nested(node.values, node.type)

    def on_localread(self, node: typed.LocalRead) -> Any:
        if node.local not in self.values:
            raise NotConstant("CPS0501", node.span, f"'{node.local.name}' is no constant")
        return self.values[node.local]

    def on_unary(self, node: typed.Unary) -> Any:
        value, scalar = self.value(node.operand), scalar_of(node.type)
        assert scalar is not None

        def apply(each: Any) -> Any:
            if isinstance(each, tuple):
                return tuple(apply(element) for element in each)
            return self.checked(operate(node.op, scalar, each), node.span)

        return apply(value)

    def on_binary(self, node: typed.Binary) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        scalar = scalar_of(node.left.type)
        assert scalar is not None
        self.spend(element_count(node.type), node.span)
        if node.op in DIVISIONS and scalar.is_integer and 0 in flat(right):
            raise NotConstant("CPS0502", node.span, "divides by zero")
        result = elementwise(node.op, scalar, left, right)
        if isinstance(result, tuple):
            if None in flat(result):
                self.checked(None, node.span)
            return result
        result = self.checked(result, node.span)
        return bool(result) if node.op in COMPARISONS else result

    def checked(self, value: Any, span: Span) -> Any:
        """The value, unless there is none."""
        if value is None:
            raise NotConstant("CPS0502", span, "too large for its type")
        return value

    def on_logical(self, node: typed.Logical) -> Any:
        left = self.value(node.left)
        return self.value(node.right) if left == node.conjunction else left

    def on_convert(self, node: typed.Convert) -> Any:
        source, target = scalar_of(node.operand.type), scalar_of(node.type)
        assert source is not None
        assert target is not None

        def apply(each: Any) -> Any:
            if isinstance(each, tuple):
                return tuple(apply(element) for element in each)
            try:
                return MEANING[node.op](source, target, each)
            except ArithmeticTrap:
                raise NotConstant("CPS0502", node.span, f"{each} does not fit {target}") from None

        return apply(self.value(node.operand))

    def on_select(self, node: typed.Select) -> Any:
        return self.value(node.then if self.value(node.condition) else node.otherwise)

    def on_arrayliteral(self, node: typed.ArrayLiteral) -> Any:
        return tuple(self.value(element) for element in node.elements)

    def on_arrayfill(self, node: typed.ArrayFill) -> Any:
        assert isinstance(node.type, ArrayType)
        self.spend(element_count(node.type), node.span)
        return (self.value(node.value),) * node.type.length

    def on_comprehension(self, node: typed.Comprehension) -> Any:
        assert isinstance(node.type, ArrayType)
        elements = []
        for index in range(node.start, node.start + node.type.length):
            self.values[node.variable] = index
            elements.append(self.value(node.body))
        return tuple(elements)

    def on_index(self, node: typed.Index) -> Any:
        array, index = self.value(node.array), self.value(node.index)
        if not 0 <= index < len(array):
            raise NotConstant("CPS0502", node.index.span, f"there is no element {index}")
        return array[index]

    def on_recordliteral(self, node: typed.RecordLiteral) -> Any:
        assert isinstance(node.type, RecordType)
        found = {index: self.value(node.values[index]) for index in node.written}
        return {field.name: found[index] for index, field in enumerate(node.type.fields)}

    def on_fieldread(self, node: typed.FieldRead) -> Any:
        return self.value(node.operand)[node.field]

    def on_reduce(self, node: typed.Reduce) -> Any:
        if isinstance(node.domain, Image):
            raise NotConstant("CPS0501", node.span, "images are only known when the kernel runs")
        scalar = scalar_of(node.body.type)
        assert isinstance(scalar, MachineScalar)
        lines = self.lines(node, node.domain)
        pushed = REDUCTIONS[node.kind](scalar, lines)
        if pushed is None:
            raise NotConstant("CPS0502", node.span, "there is nothing to choose from")
        if not isinstance(node.type, ArgType):
            return pushed[0]
        return dict(zip(node.type.names, pushed, strict=True))

    def lines(self, node: typed.Reduce, domain: tuple[typed.Range, ...]) -> Iterator[Line]:
        """The values of a reduction's body, with where they are, line by line."""
        if len(domain) == 1:
            yield self.line(node, domain[0], node.variables[0], ())
            return
        for index in self.indices(domain[0]):
            self.values[node.variables[0]] = index
            yield self.line(node, domain[1], node.variables[1], (index,))

    def indices(self, domain: typed.Range) -> range:
        return range(self.value(domain.start), self.value(domain.end))

    def line(
        self, node: typed.Reduce, domain: typed.Range, variable: Local, outer: tuple[int, ...]
    ) -> Line:
        for index in self.indices(domain):
            self.values[variable] = index
            yield self.value(node.body), (index, *outer)

    def on_call(self, node: typed.Call) -> Any:
        arguments = []
        for argument in node.arguments:
            if isinstance(argument, Image):
                raise NotConstant("CPS0501", node.span, "images are only known when it runs")
            arguments.append(self.value(argument))
        saved = dict(self.values)
        for parameter, value in zip(node.function.parameters, arguments, strict=True):
            assert isinstance(parameter, Local)
            self.values[parameter] = value
        self.run(node.function.body)
        assert node.function.result is not None
        result = self.value(node.function.result)
        self.values = saved
        return result

    def run(self, statements: tuple[typed.Statement, ...]) -> None:
        """Execute statements of a function. Raises `NotConstant`."""
        for each in statements:
            if isinstance(each, typed.Declare | typed.Assign):
                self.values[each.local] = self.value(each.value)
            elif isinstance(each, typed.AssignField):
                old = self.values[each.local]
                self.values[each.local] = {**old, each.field: self.value(each.value)}
            elif isinstance(each, typed.Jump):
                raise _Jumped(each.leaves)
            elif isinstance(each, typed.AssignElement):
                indices = [(self.value(index), index.span) for index in each.indices]
                old = self.values[each.local]
                self.spend(element_count(each.local.type), each.span)
                self.values[each.local] = _replaced(old, indices, self.value(each.value))
            elif isinstance(each, typed.If):
                self.run(each.then if self.value(each.condition) else each.otherwise)
            elif isinstance(each, typed.For):
                start, end = self.value(each.range.start), self.value(each.range.end)
                for index in range(start, end, each.step):
                    self.spend(1, each.span)
                    self.values[each.variable] = index
                    try:
                        self.run(each.body)
                    except _Jumped as jump:
                        if jump.leaves:
                            break
            elif isinstance(each, typed.Require):
                if not self.value(each.condition):
                    raise NotConstant("CPS0502", each.span, each.text)
            else:
                raise NotConstant("CPS0501", each.span, "only possible when the kernel runs")


def _replaced(array: Any, indices: list[tuple[int, Span]], value: Any) -> Any:
    """The array with one element replaced."""
    if not indices:
        return value
    index, span = indices[0]
    if not 0 <= index < len(array):
        raise NotConstant("CPS0502", span, f"there is no element {index}")
    return (*array[:index], _replaced(array[index], indices[1:], value), *array[index + 1 :])
