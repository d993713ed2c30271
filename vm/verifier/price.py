"""Prices and memory: closed expressions of dimensions and parameters, never below the count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vm.layout import FIELD_BYTES, OVERHEAD_BYTES, Reach
from vm.limits import COST_TOTAL
from vm.module import Instruction, Kernel, scan_extents
from vm.opcodes import CLEARED_BYTES_PER_UNIT, Op
from vm.parameters import bounds
from vm.types import ScalarType
from vm.verifier.dimensions import KernelDimensions
from vm.verifier.expression import Atom, Expression, number, trips
from vm.verifier.interval import Range
from vm.verifier.regions import Region
from vm.verifier.rules import Rule, refuse

UNKNOWN = 1 << 64  # more than any loop can run


class Pricing:
    """Turns ranges into trip counts, for one kernel."""

    def __init__(self, kernel: Kernel, dimensions: KernelDimensions) -> None:
        self.kernel = kernel
        self.dimensions = dimensions

    def trips(self, start: Range, stop: Range, step: int) -> Expression:
        """max(0, ceil((stop - start) / step)), each side at its worst.

        Raises `Invalid` (V23) where a side has no proved bound.
        """
        length = self._most(stop) - self._least(start)
        positive = self._lowest(length) >= 0
        if step == 1 and positive:
            return length
        return trips(length, step, positive)

    def _most(self, value: Range) -> Expression:
        if value.exact is not None:
            return value.exact
        constant = value.high < ScalarType.I32.maximum
        for base, offset in value.below:
            if not constant or value.high >= self.dimensions.high[base] + offset:
                return self.dimensions.expressions[base] + number(offset)
        if constant:
            return number(value.high)
        raise refuse(Rule.TRIPS, "the end of the loop has no proved bound")

    def _least(self, value: Range) -> Expression:
        if value.exact is not None:
            return value.exact
        constant = value.low > ScalarType.I32.minimum
        for base, offset in value.above:
            if not constant or value.low <= self.dimensions.low[base] + offset:
                return self.dimensions.expressions[base] + number(offset)
        if constant:
            return number(value.low)
        raise refuse(Rule.TRIPS, "the beginning of the loop has no proved bound")

    def dearer(self, left: Expression, right: Expression) -> Expression:
        """An expression at least as great as both, for all dimensions and parameters."""
        if self._lowest(left - right) >= 0:
            return left
        if self._lowest(right - left) >= 0:
            return right
        if self._lowest_atom(left) >= 0 and self._lowest_atom(right) >= 0:
            monomials = set(left.terms) | set(right.terms)
            terms = {m: max(left.terms.get(m, 0), right.terms.get(m, 0)) for m in monomials}
            return Expression({m: c for m, c in terms.items() if c})
        return left + right

    def _lowest_atom(self, expression: Expression) -> int:
        atoms = [atom for monomial in expression.terms for atom in monomial]
        return min((self._interval(atom)[0] for atom in atoms), default=0)

    def _lowest(self, expression: Expression) -> int:
        """A lower bound; -UNKNOWN if nothing is known."""
        total = 0
        for monomial, coefficient in expression.terms.items():
            low = high = 1
            for atom in monomial:
                least, most = self._interval(atom)
                if least < 0:
                    return -UNKNOWN
                low, high = low * least, high * most
            total += coefficient * (low if coefficient > 0 else high)
        return total

    def _interval(self, atom: Atom) -> tuple[int, int]:
        if atom.kind == "dim":
            return self.dimensions.low[atom.index], self.dimensions.high[atom.index]
        if atom.kind == "param":
            low, high = bounds(self.kernel.parameters[atom.index])
            return int(low), int(high)
        return 0, UNKNOWN

    def image_bytes(self, index: int) -> Expression:
        """The size of an image."""
        image = self.kernel.images[index]
        pixels = (
            self.dimensions.expressions[image.width] * (self.dimensions.expressions[image.height])
        )
        return pixels * number(image.channels * image.type.size_bytes)

    def clearing(self, index: int) -> Expression:
        """What zeroing an image costs."""
        return trips(self.image_bytes(index), CLEARED_BYTES_PER_UNIT, positive=True)

    def memory(self, reaches: Mapping[int, tuple[Reach, tuple[int, ...]]]) -> Expression:
        """An upper bound of the arena (`vm.layout.plan`), in bytes."""
        kernel = self.kernel
        buffers = len(kernel.images) + len(kernel.carries) + bool(kernel.fields)
        total = number(buffers * OVERHEAD_BYTES + len(kernel.fields) * FIELD_BYTES)
        for index in range(len(self.kernel.images)):
            total += self.image_bytes(index)
        for carry, (reach, widths) in reaches.items():
            size = self.kernel.carries[carry].type.size_bytes * (reach.lines + 1)
            for width in widths:
                line = self.dimensions.expressions[width] + number(2 * reach.margin)
                total += line * number(size)
        return total


def carries_of(kernel: Kernel, region: Region) -> list[int]:
    """The carries that a scan puts, in order."""
    return sorted(
        {
            index
            for instruction in kernel.code[region.start : region.end]
            if instruction.op is Op.CARRY_PUT
            for index in _integers(instruction)[:1]
        }
    )


def _integers(instruction: Instruction) -> list[int]:
    return [value for value in instruction.immediates if isinstance(value, int)]


def find_reaches(
    kernel: Kernel, regions: Iterable[Region]
) -> dict[int, tuple[Reach, tuple[int, ...]]]:
    """How far back each carry is read, and the lengths of lines of the scans that put it."""
    reaches: dict[int, tuple[Reach, tuple[int, ...]]] = {}
    for region in regions:
        if region.op is not Op.SCAN:
            continue
        length, _ = scan_extents(kernel.code[region.start])
        for carry in carries_of(kernel, region):
            reach, lengths = reaches.get(carry, (Reach(0, 0, 0), ()))
            reaches[carry] = reach, tuple(dict.fromkeys((*lengths, length)))
    for instruction in kernel.code:
        if instruction.op is Op.CARRY_GET:
            carry, ahead, down = _integers(instruction)
            reach, widths = reaches[carry]
            wider = Reach(
                max(reach.lines, -down), max(reach.behind, -ahead), max(reach.ahead, ahead)
            )
            reaches[carry] = wider, widths
    return reaches


def check_total(kernel: Kernel, cost: Expression, memory: Expression) -> None:
    """Rules V24 and V25: coefficients stay within the limits of a price."""
    for rule, expression in ((Rule.COST, cost), (Rule.MEMORY, memory)):
        if any(abs(coefficient) > COST_TOTAL for coefficient in expression.terms.values()):
            raise refuse(rule, "a coefficient is too large", kernel.name)
