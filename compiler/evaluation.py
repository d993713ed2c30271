"""Expressions of tests as kernels: the images they read come in, their scalars go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compiler import ir, symbols, typed, walk
from compiler.lower.context import Lowering
from compiler.lower.expressions import value
from compiler.lower.statements import run_call
from compiler.lower.values import Elements, Place, Slot, Value, element, stored
from vm.module import Dimension, ExtentOp, ExtentTerm, Role
from vm.types import ScalarType

NAME = "expression"


class Evaluation:
    """One expression over some images, with the values that locals have."""

    def __init__(
        self,
        expr: typed.Expr,
        images: Sequence[symbols.Image],
        values: Mapping[symbols.Local, Value],
    ) -> None:
        lowering = Lowering(expr.span.source, run_call)
        lowering.at(expr.span)
        self.images: dict[symbols.Image, ir.Image] = {}
        for image in images:
            width, height = lowering.dimensions.of_input(), lowering.dimensions.of_input()
            self.images[image] = lowering.add_image(image, Role.IN, width, height)
        lowering.scope.locals.update(values)
        with lowering.new_block() as body:
            self.found = value(lowering, expr)
        self.body = tuple(body)
        self.parts = parts_of(self.found)
        self.dimensions = list(lowering.dimensions.table)
        self.line = lowering.line

    @property
    def is_constant(self) -> bool:
        """Whether nothing needs to run."""
        return all(isinstance(part, ir.Constant) for part in self.parts)

    def used_images(self) -> list[symbols.Image]:
        """The images whose pixels or sizes are asked for."""
        images: set[ir.Image] = set()
        dimensions: set[int] = set()
        nodes = [*walk.all_nodes(self.body)]
        for part in self.parts:
            nodes += walk.nodes(part)
        for node in nodes:
            if isinstance(node, ir.Pixel):
                images.add(node.image)
            elif isinstance(node, ir.DimensionValue):
                dimensions.add(node.index)
        for statement in walk.statements(self.body):
            if isinstance(statement, ir.Reduce) and statement.extents is not None:
                dimensions.update(statement.extents)
        return [
            symbol
            for symbol, image in self.images.items()
            if image in images or {image.width, image.height} & dimensions
        ]

    def names(self) -> dict[str, symbols.Image]:
        """The kernel's inputs by name."""
        return {image.name: symbol for symbol, image in self.images.items()}

    def kernel(self) -> ir.Kernel:
        """A kernel with one line of results for each type of scalar."""
        dimensions = self.dimensions
        one = _constant(dimensions, 1)
        outputs: dict[ScalarType, ir.Image] = {}
        stores: list[ir.Statement] = []
        for scalar, count in self._counts().items():
            width = _constant(dimensions, count)
            outputs[scalar] = ir.Image(_result(scalar), Role.OUT, scalar, 1, width, one)
        places = dict.fromkeys(outputs, 0)
        for part in map(stored, self.parts):
            x = ir.i32(places[part.type])
            places[part.type] += 1
            stores.append(ir.Store(outputs[part.type], 0, x, ir.i32(0), part, False, self.line))
        images = (*self.images.values(), *outputs.values())
        return ir.Kernel(NAME, "", tuple(dimensions), images, (), (*self.body, *stores))

    def _counts(self) -> dict[ScalarType, int]:
        counts: dict[ScalarType, int] = {}
        for part in self.parts:
            scalar = stored(part).type
            counts[scalar] = counts.get(scalar, 0) + 1
        return counts

    def value_of(self, outputs: Mapping[str, Any]) -> Value:
        """The expression's value, from what the kernel wrote."""
        places = dict.fromkeys(self._counts(), 0)
        results: list[ir.Expr] = []
        for part in self.parts:
            scalar = stored(part).type
            number = outputs[_result(scalar)][0, places[scalar]].item()
            places[scalar] += 1
            results.append(ir.constant(number, part.type))
        return with_parts(self.found, results)


def _result(scalar: ScalarType) -> str:
    return f"result_{scalar}"


def _constant(dimensions: list[Dimension], value: int) -> int:
    dimensions.append(Dimension((ExtentTerm(ExtentOp.CONST, value),)))
    return len(dimensions) - 1


def parts_of(found: Value) -> list[ir.Expr]:
    """The scalars of a value."""
    if isinstance(found, Elements | Slot):
        return [element(found, index) for index in range(found.length)]
    return list(found.fields.values()) if isinstance(found, Place) else [found]


def with_parts(found: Value, parts: Sequence[ir.Expr]) -> Value:
    """The value with other scalars."""
    if isinstance(found, Elements | Slot):
        return Elements(tuple(parts))
    if isinstance(found, Place):
        return Place(dict(zip(found.fields, parts, strict=True)))
    return parts[0]


def numbers_of(found: Value) -> list[Any]:
    """A value that is all constants, as Python numbers."""
    return [part.value for part in parts_of(found) if isinstance(part, ir.Constant)]


def text_of(found: Value) -> str:
    """A value that is all constants, for people."""
    numbers = numbers_of(found)
    if isinstance(found, ir.Constant):
        return str(numbers[0]).lower() if isinstance(numbers[0], bool) else str(numbers[0])
    return str(numbers)


def is_equal(left: ir.Expr, right: ir.Expr) -> bool:
    """Two constants with the same value, or the same bits (a NaN equals itself)."""
    assert isinstance(left, ir.Constant)
    assert isinstance(right, ir.Constant)
    return left.raw == right.raw or left.value == right.value
