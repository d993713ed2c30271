"""Sizes: the dimensions of a kernel, each expression once, so that equal sizes are seen equal."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.symbols import (
    Axis,
    Extent,
    ExtentBinary,
    ExtentConstant,
    ExtentDimension,
    ExtentParameter,
    Image,
    Parameter,
)
from vm.extents import OPERATIONS
from vm.module import Dimension, ExtentOp, ExtentTerm
from vm.opcodes import Op

EXTENT_OPS = {
    Op.ADD: ExtentOp.ADD,
    Op.SUB: ExtentOp.SUB,
    Op.MUL: ExtentOp.MUL,
    Op.DIV_FLOOR: ExtentOp.DIV_FLOOR,
    Op.MIN: ExtentOp.MIN,
    Op.MAX: ExtentOp.MAX,
}

Terms = tuple[ExtentTerm, ...]
Given = Mapping[Parameter, Terms]
"""The sizes that the parameters of a called kernel stand for."""

Sizes = dict[Image, tuple[int, int]]
"""The dimension indices (width, height) of every image that has a size of its own."""


class Dimensions:
    """The table of dimensions, as it grows."""

    def __init__(self, parameters: dict[Parameter, int]) -> None:
        self.table: list[Dimension] = []
        self.parameters = parameters
        self.indices: dict[Terms, int] = {}

    def of_input(self) -> int:
        """A new dimension that the caller's image decides."""
        self.table.append(Dimension())
        return len(self.table) - 1

    def index(self, extent: Extent, sizes: Sizes, given: Given) -> int:
        """The dimension an extent describes; an existing one if it is equal."""
        terms = self.terms(extent, sizes, given)
        if len(terms) == 1 and terms[0].op is ExtentOp.DIMENSION:
            return terms[0].value
        if terms not in self.indices:
            self.indices[terms] = len(self.table)
            self.table.append(Dimension(terms))
        return self.indices[terms]

    def terms(self, extent: Extent, sizes: Sizes, given: Given) -> Terms:
        """The steps that compute an extent; `given` tells of a called kernel's parameters."""
        match extent:
            case ExtentConstant(value):
                return (ExtentTerm(ExtentOp.CONST, value),)
            case ExtentDimension(image, axis):
                return (ExtentTerm(ExtentOp.DIMENSION, sizes[image][axis is Axis.HEIGHT]),)
            case ExtentParameter(parameter) if parameter in given:
                return given[parameter]
            case ExtentParameter(parameter):
                return (ExtentTerm(ExtentOp.PARAMETER, self.parameters[parameter]),)
            case ExtentBinary(op, left, right):
                sides = (self.terms(side, sizes, given) for side in (left, right))
                return _combined(EXTENT_OPS[op], *sides)


def _combined(op: ExtentOp, left: Terms, right: Terms) -> Terms:
    a, b = _constant(left), _constant(right)
    if a is not None and b is not None and not (op is ExtentOp.DIV_FLOOR and b == 0):
        return (ExtentTerm(ExtentOp.CONST, OPERATIONS[op](a, b)),)
    if (b == 0 and op in (ExtentOp.ADD, ExtentOp.SUB)) or (
        b == 1 and op in (ExtentOp.MUL, ExtentOp.DIV_FLOOR)
    ):
        return left
    return (*left, *right, ExtentTerm(op))


def _constant(terms: Terms) -> int | None:
    return terms[0].value if len(terms) == 1 and terms[0].op is ExtentOp.CONST else None
