"""Finds intervals that loops keep, and claims them: the verifier only checks.

What a `for` carries in a local is unknown to the verifier at the head of the loop, unless an
interval is claimed that holds before the loop and is kept by its body. The search runs the body on
intervals, starting from what holds before, and widens what grows to the constants that occur in
the program, then to the whole type (abstract interpretation; P. and R. Cousot, POPL 1977). Only
locals that may decide whether an access, a division or a loop bound is proved are claimed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from msgspec.structs import replace

from compiler import ir, walk
from compiler.passes.intervals import Intervals, Known
from vm.limits import CLAIMS
from vm.module import Border, Claim
from vm.types import ScalarType
from vm.verifier.interval import Range, whole
from vm.verifier.transfer import DIVISIONS

ROUNDS_BEFORE_WIDENING = 3
MOST_ROUNDS = 24
MOST_STEPS = 100_000
"""Statements looked at before the search gives up: nested loops are searched many times."""


def claims(kernel: ir.Kernel) -> ir.Kernel:
    """The kernel with claims on its loops."""
    if not any(isinstance(each, ir.For) for each in walk.statements(kernel.body)):
        return kernel
    searcher = _Searcher(kernel)
    return replace(kernel, body=searcher.block(kernel.body, {}))


class _Searcher:
    def __init__(self, kernel: ir.Kernel) -> None:
        self.intervals = Intervals(kernel)
        self.wanted = _decisive(kernel.body)
        raws = {
            node.raw + near
            for node in walk.all_nodes(kernel.body)
            if isinstance(node, ir.Constant) and not node.type.is_float
            for near in (-1, 0, 1)
        }
        self.thresholds = sorted(raws | {-1, 0, 1})
        self.steps = 0

    def block(self, block: ir.Block, known: Known) -> ir.Block:
        """The block with claims; `known` becomes what holds after it."""
        return tuple(self.statement(statement, known) for statement in block)

    def statement(self, statement: ir.Statement, known: Known) -> ir.Statement:
        self.steps += 1
        match statement:
            case ir.Set(register, value):
                known[register] = self.intervals.of(value, known)
            case ir.If():
                return self.if_(statement, known)
            case ir.For():
                return self.for_(statement, known)
            case ir.Map() | ir.Scan() | ir.Reduce():
                return self.pixels(statement, known)
        return statement

    def if_(self, statement: ir.If, known: Known) -> ir.Statement:
        first, second = dict(known), dict(known)
        then = self.block(statement.then, first)
        otherwise = self.block(statement.otherwise, second)
        for register in first.keys() & second.keys():
            known[register] = self.intervals.dimensions.join(first[register], second[register])
        return replace(statement, then=then, otherwise=otherwise)

    def pixels(self, statement: ir.Map | ir.Scan | ir.Reduce, known: Known) -> ir.Statement:
        inner = dict(known)
        for register in walk.assigned_registers(statement.body):
            inner.pop(register, None)
        if isinstance(statement, ir.Reduce):
            places = self.intervals.places(statement, known)
            inner.update(zip(statement.variables, places, strict=True))
        else:
            inner[statement.x] = self.intervals.coordinate(statement.width)
            inner[statement.y] = self.intervals.coordinate(statement.height)
        if isinstance(statement, ir.Scan):
            inner[statement.d] = Range(ScalarType.I32, -1, 1)
        body = self.block(statement.body, inner)
        if isinstance(statement, ir.Reduce):
            results = self.intervals.results(statement, known)
            known.update(zip(statement.targets, results, strict=True))
        return replace(statement, body=body)

    def for_(self, loop: ir.For, known: Known) -> ir.Statement:
        start, end = (self.intervals.of(part, known) for part in (loop.start, loop.end))
        assigned = walk.assigned_registers(loop.body)
        inside = {register: held for register, held in known.items() if register not in assigned}
        inside[loop.variable] = self.intervals.counted(start, end)
        entry = {
            register: _claimable(known[register])
            for register in assigned & known.keys() & self.wanted
            if register.type.is_integer
        }
        found = self.kept(loop.body, inside, entry)
        body = self.block(loop.body, inside | found)
        claims = sorted(
            ((register, _claim(held)) for register, held in found.items()),
            key=lambda pair: (pair[0].name, pair[1].low, pair[1].high),
        )
        for register in assigned:
            known.pop(register, None)
        known.update(found)
        return replace(loop, body=body, claims=tuple(claims[:CLAIMS]))

    def kept(self, body: ir.Block, inside: Known, entry: Known) -> Known:
        """Intervals that hold at the entry and are kept by the body; the useless left out."""
        found = dict(entry)
        for count in range(MOST_ROUNDS):
            if self.steps > MOST_STEPS:
                return {}
            after = inside | found
            self.block(body, after)
            grown: Known = {}
            for register, held in found.items():
                ends = after.get(register) or whole(register.type)
                if not self.holds(held, ends):
                    grown[register] = self.grow(held, ends, count >= ROUNDS_BEFORE_WIDENING)
            if not grown:
                return found
            found = {
                register: held
                for register, held in (found | grown).items()
                if (held.low, held.high) != (register.type.minimum, register.type.maximum)
            }
        return {}

    def holds(self, held: Range, value: Range) -> bool:
        """Whether the claim covers the value."""
        if not held.low <= value.low <= value.high <= held.high:
            return False
        upper = self.intervals.dimensions.upper_offset
        return all(upper(value, base) <= offset for base, offset in held.below)

    def grow(self, held: Range, value: Range, widen: bool) -> Range:
        """A larger interval that covers both."""
        both = _claimable(self.intervals.dimensions.join(held, value))
        low, high = both.low, both.high
        if widen and low < held.low:
            place = bisect_right(self.thresholds, low)
            low = self.thresholds[place - 1] if place else held.type.minimum
        if widen and high > held.high:
            place = bisect_left(self.thresholds, high)
            high = self.thresholds[place] if place < len(self.thresholds) else held.type.maximum
        low, high = max(low, held.type.minimum), min(high, held.type.maximum)
        below = both.below
        if widen and below != held.below:
            below = ()
        return Range(held.type, low, high, (), below)


def _claimable(value: Range) -> Range:
    """What a claim can say of a value: an interval, and one bound by a dimension."""
    return Range(value.type, value.low, value.high, (), value.below[:1])


def _claim(held: Range) -> Claim:
    if not held.below:
        return Claim(0, held.low, held.high)
    base, offset = held.below[0]
    return Claim(0, held.low, held.high, base, offset)


def _decisive(block: ir.Block) -> set[ir.Register]:
    """Registers whose values may decide what is proved, directly or through others."""
    found: set[ir.Register] = set()
    for expr in _decisions(block):
        found |= _registers(expr)
    while True:
        before = len(found)
        for statement in walk.statements(block):
            if isinstance(statement, ir.Set) and statement.register in found:
                found |= _registers(statement.value)
        if len(found) == before:
            return found


def _decisions(block: ir.Block) -> Iterator[ir.Expr]:
    for statement in walk.statements(block):
        if isinstance(statement, ir.SetElement):
            yield statement.index
        elif isinstance(statement, ir.Store):
            yield from (statement.x, statement.y)
        elif isinstance(statement, ir.For | ir.Reduce):
            yield from walk.expressions(statement)
    for node in walk.all_nodes(block):
        if isinstance(node, ir.Element):
            yield node.index
        elif isinstance(node, ir.Pixel) and node.border is Border.INSIDE and not node.safe:
            yield from (node.x, node.y)
        elif isinstance(node, ir.Operation) and walk.can_trap_itself(node):
            yield node.arguments[1 if node.op in DIVISIONS else 0]


def _registers(expr: ir.Expr) -> set[ir.Register]:
    return {node.register for node in walk.nodes(expr) if isinstance(node, ir.Read)}
