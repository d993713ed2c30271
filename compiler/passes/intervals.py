"""Intervals of expressions, judged exactly as the verifier judges them.

What is known here is never more than what the verifier knows at the same place, so a claim that
holds here holds there.
"""

from __future__ import annotations

from compiler import ir
from vm.module import Kernel, Reduction
from vm.opcodes import Op
from vm.parameters import bounds
from vm.types import ScalarType
from vm.verifier import transfer
from vm.verifier.dimensions import KernelDimensions
from vm.verifier.interval import Range, shifted, whole

Known = dict[ir.Register, Range]

CONVERSIONS = frozenset({Op.CONVERT, Op.WRAP, Op.SATURATE, Op.NARROW, Op.BITS})
JUDGED = frozenset({*transfer.UNARY, *transfer.BINARY, *transfer.COMPARISONS, Op.NOT, Op.SELECT})


class Intervals:
    """Ranges of expressions in one kernel."""

    def __init__(self, kernel: ir.Kernel) -> None:
        self.parameters = kernel.parameters
        self.dimensions = KernelDimensions(Kernel(kernel.name, kernel.dimensions))

    def of(self, expr: ir.Expr, known: Known) -> Range:
        """Every value the expression can have."""
        match expr:
            case ir.Constant(raw, scalar):
                return whole(scalar) if scalar.is_float else Range(scalar, raw, raw)
            case ir.Read(register):
                return known.get(register) or whole(register.type)
            case ir.DimensionValue(index):
                return self.dimensions.range_of(index, self.dimensions.expressions[index])
            case ir.ParameterValue(index, scalar):
                return self._parameter(index, scalar)
            case ir.Element(array):
                return self._element(array)
            case ir.Operation():
                return self._operation(expr, known)
        return whole(expr.type)

    def _parameter(self, index: int, scalar: ScalarType) -> Range:
        if scalar.is_float:
            return whole(scalar)
        low, high = (int(bound) for bound in bounds(self.parameters[index]))
        return Range(scalar, low, high)

    def _element(self, array: ir.Array) -> Range:
        if array.type.is_float:
            return whole(array.type)
        if array.data:
            return Range(array.type, min(array.data), max(array.data))
        if array.parameter is not None:
            return self._parameter(array.parameter, array.type)
        return whole(array.type)

    def _operation(self, expr: ir.Operation, known: Known) -> Range:
        args = [self.of(part, known) for part in expr.arguments]
        if expr.op in CONVERSIONS:
            return transfer.convert(expr.op, expr.types[1], args[0])
        if expr.op in JUDGED:
            return transfer.apply(expr.op, expr.types[0], args, self.dimensions)
        return whole(expr.type)

    def counted(self, start: Range, end: Range) -> Range:
        """The variable of a `for` or a reduction over a range."""
        high = max(start.low, end.high - 1)
        return Range(ScalarType.I32, start.low, high, start.above, shifted(end.below, -1))

    def coordinate(self, index: int) -> Range:
        """The variable of a pixel loop over a dimension."""
        base, offset = self.dimensions.bases[index]
        high = self.dimensions.high[index] - 1
        return Range(ScalarType.I32, 0, high, (), ((base, offset - 1),))

    def places(self, reduce: ir.Reduce, known: Known) -> list[Range]:
        """The variables of a reduction."""
        if reduce.extents is not None:
            return [self.coordinate(index) for index in reduce.extents]
        assert reduce.start is not None
        assert reduce.end is not None
        return [self.counted(self.of(reduce.start, known), self.of(reduce.end, known))]

    def results(self, reduce: ir.Reduce, known: Known) -> list[Range]:
        """What a reduction sets its targets to: of places only is anything known."""
        places = self.places(reduce, known)
        first = whole(reduce.targets[0].type)
        if reduce.kind in (Reduction.ARGMIN, Reduction.ARGMAX):
            return [first, *places]
        return [first]
