"""Narrow lanes: whether the 32-bit arithmetic of a scan's body fits 16 bits, so that a vector
holds twice as many pixels.

The parameters are known by now, so bounds are tighter than the verifier's. The body is walked over
intervals, along each path of undecided comparisons, and what is compared is refined on each side;
so after `let got = if want >= 128 { 255 } else { 0 };` the error `want - got` is seen to be small.
What a scan carries begins as 0; its interval is widened by what is put until it holds: then it is
inductive, and every value of every pixel lies in the interval found for its instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from vm.jit.lower.arrays import known_elements
from vm.jit.lower.conversions import resize
from vm.jit.lower.regions import number
from vm.jit.lower.state import Handler, Lowering
from vm.jit.lower.value import Value
from vm.limits import AXIS_PIXELS
from vm.module import Instruction
from vm.opcodes import Op
from vm.scalar import ARITHMETIC
from vm.types import FLOATS, ScalarType
from vm.verifier import transfer
from vm.verifier.dimensions import KernelDimensions
from vm.verifier.interval import Range, whole
from vm.verifier.regions import Region

NARROW = ScalarType.I16
WIDE = ScalarType.I32
SHIFTS = frozenset({Op.SHL, Op.SHR})
BYTE = ScalarType.U8
PATHS = 64  # of comparisons through one body
ROUNDS = 12  # until the carried intervals hold

Interval = tuple[int, int]


class _UnknownError(Exception):
    """Something in the body that is not followed."""


class _ImpossibleError(Exception):
    """No pixel takes this path."""


@dataclass(slots=True, eq=False)
class _Cell:
    """One value on one path; every reference to it learns what a comparison says of it."""

    type: ScalarType
    low: int
    high: int
    is_carried: bool = False

    def keep(self, low: int, high: int) -> None:
        """Learn that it is in low..=high."""
        self.low, self.high = max(self.low, low), min(self.high, high)
        if self.low > self.high:
            raise _ImpossibleError


@dataclass(slots=True)
class Ranges:
    """What was found: the interval of each instruction's result, and of each carry."""

    results: dict[int, Interval] = field(default_factory=dict)
    carries: dict[int, Interval] = field(default_factory=dict)


def fits_narrow(interval: Interval | None) -> bool:
    """Whether all numbers of an interval are 16-bit ones."""
    return interval is not None and NARROW.minimum <= interval[0] <= interval[1] <= NARROW.maximum


def find_ranges(low: Lowering, region: Region) -> Ranges | None:
    """Intervals with which all arithmetic on carried numbers is narrow; None if there are none."""
    carries = {
        number(step, 0)
        for step in low.kernel.code[region.start : region.end]
        if step.op in (Op.CARRY_GET, Op.CARRY_PUT)
    }
    if any(low.kernel.carries[carry].type is not WIDE for carry in carries) or not carries:
        return None
    if not _arms_are_safe(low, region):
        return None
    found = Ranges(carries=dict.fromkeys(carries, (0, 0)))
    try:
        for _ in range(ROUNDS):
            walk = _Walk(low, region, found.carries)
            put = walk.all_paths()
            wider = {
                c: (min(have[0], put[c][0]), max(have[1], put[c][1])) if c in put else have
                for c, have in found.carries.items()
            }
            if not all(map(fits_narrow, wider.values())) or not walk.is_narrow():
                return None
            if wider == found.carries:
                return Ranges(walk.results, found.carries)
            found.carries = wider
    except _UnknownError:
        pass
    return None


def _arms_are_safe(low: Lowering, region: Region) -> bool:
    """Whether divisors and indices in arms are computed outside of the scan.

    An arm runs in all lanes, and an interval holds in those that take it. What others compute there
    may wrap where it would not in 32 bits: a result that nobody takes, but no divisor or index.
    """
    depth = 0
    for position in range(region.start + 1, region.end):
        step, before = low.kernel.code[position], low.kernel.code[position - 1]
        depth += (step.op is Op.IF) - (step.op is Op.END)
        is_division = step.op in transfer.DIVISIONS and step.immediates[0] not in FLOATS
        if depth and (is_division or step.op is Op.ELEM_GET):
            is_outer = before.op is Op.GET and number(before, 0) not in region.assigned
            if before.op not in (Op.CONST, Op.PARAMETER) and not is_outer:
                return False
    return True


def map_ranges(
    low: Lowering, region: Region, coordinates: tuple[int, int]
) -> Mapping[int, Interval]:
    """The intervals of a map's results; `coordinates` are the locals x and y. Empty if its body is
    not followed.
    """
    if not _arms_are_safe(low, region):
        return {}
    walk = _Walk(low, region, {})
    walk.coordinates = coordinates
    try:
        walk.all_paths()
    except _UnknownError:
        return {}
    return walk.results


def joined_ranges(a: dict[int, Interval], b: dict[int, Interval]) -> dict[int, Interval]:
    """Intervals that hold in both cases; an instruction that one of them never reaches has the
    other's.
    """
    both = {key: _joined(a.get(key), interval) for key, interval in b.items()}
    return {**a, **both}


def _joined(a: Interval | None, b: Interval) -> Interval:
    return b if a is None else (min(a[0], b[0]), max(a[1], b[1]))


class _Walk:
    """Walks a body along every path, with these intervals for what it carries."""

    def __init__(self, low: Lowering, region: Region, carries: dict[int, Interval]) -> None:
        self.low = low
        self.region = region
        self.carries = carries
        self.dimensions = KernelDimensions(low.kernel)
        self.results: dict[int, Interval] = {}
        self.tainted: set[int] = set()
        self.put: dict[int, Interval] = {}
        self.choices: list[bool] = []
        self.taken = 0
        self.stack: list[_Cell] = []
        self.locals: dict[int, _Cell] = {}
        self.coordinates: tuple[int, ...] = ()  # locals

    def is_narrow(self) -> bool:
        """Whether everything that depends on a carried number is narrow."""
        return all(fits_narrow(self.results[position]) for position in self.tainted)

    def all_paths(self) -> dict[int, Interval]:
        """Walk them all; gives what is put into each carry."""
        for _ in range(PATHS):
            self.taken, self.stack, self.locals = 0, [], {}
            try:
                self.walk(self.region.start + 1, self.region.end)
            except _ImpossibleError:
                del self.choices[self.taken :]
            while self.choices and not self.choices[-1]:
                self.choices.pop()
            if not self.choices:
                return self.put
            self.choices[-1] = False
        raise _UnknownError

    def choose(self) -> bool:
        """The outcome of an undecided comparison on this path."""
        if self.taken == len(self.choices):
            self.choices.append(True)
        self.taken += 1
        return self.choices[self.taken - 1]

    def walk(self, start: int, end: int) -> None:
        """The instructions start .. end - 1 on this path."""
        position = start
        while position < end:
            instruction = self.low.kernel.code[position]
            if instruction.op is Op.IF:
                self.arm(position)
            elif instruction.op in ARITHMETIC:
                self.arithmetic(position, instruction)
            elif instruction.op in STEPS:
                STEPS[instruction.op](self, position, instruction)
            else:
                raise _UnknownError
            region = self.low.regions.get(position)
            position = position + 1 if region is None else region.end + 1

    def arm(self, position: int) -> None:
        """The arm of an `if` that this path takes."""
        region, condition = self.low.regions[position], self.stack.pop()
        middle = region.end if region.otherwise is None else region.otherwise
        if self.decided(condition):
            self.walk(position + 1, middle)
        elif middle < region.end:
            self.walk(middle + 1, region.end)

    def decided(self, condition: _Cell) -> bool:
        """Whether a condition holds on this path."""
        if condition.low != condition.high:
            holds = int(self.choose())
            condition.keep(holds, holds)
        return bool(condition.low)

    def push(self, position: int, scalar: ScalarType, interval: Interval, carried: bool) -> None:
        """A result: noted, if it is an integer."""
        self.stack.append(_Cell(scalar, *interval, carried))
        if scalar.is_integer:
            self.results[position] = _joined(self.results.get(position), interval)
            if carried and scalar is WIDE:
                self.tainted.add(position)

    def arithmetic(self, position: int, instruction: Instruction) -> None:
        """An instruction that computes."""
        count = len(instruction.op.pops)
        cells, self.stack = self.stack[-count:], self.stack[:-count]
        carried = any(cell.is_carried for cell in cells)
        op, scalar = instruction.op, instruction.immediates[-1]
        assert isinstance(scalar, ScalarType)
        if op in transfer.COMPARISONS:
            holds = int(self.compared(op, *cells))
            self.stack.append(_Cell(ScalarType.BOOL, holds, holds, carried))
        elif op is Op.SELECT:
            chosen = cells[1] if self.decided(cells[0]) else cells[2]
            self.stack.append(chosen)
            if scalar.is_integer:
                self.push(position, scalar, (chosen.low, chosen.high), carried)
                self.stack.pop()
        else:
            args = [Range(cell.type, cell.low, cell.high) for cell in cells]
            if len(instruction.immediates) == 2:
                result = transfer.convert(op, scalar, args[0])
            else:
                result = transfer.apply(op, scalar, args, self.dimensions)
            self.push(position, scalar, (result.low, result.high), carried)

    def compared(self, op: Op, a: _Cell, b: _Cell) -> bool:
        """The outcome of a comparison on this path, and what it says of both sides."""
        if a.type.is_float:
            return self.choose()
        if op in (Op.GT, Op.GE):
            op, a, b = transfer.SWAPPED[op], b, a
        outcome = _decide(op, a, b)
        if outcome is None:
            outcome = self.choose()
            _learn(op, a, b, outcome)
        return outcome

    # Instructions that do not compute.

    def constant(self, position: int, instruction: Instruction) -> None:
        scalar, raw = instruction.immediates
        assert isinstance(scalar, ScalarType)
        assert isinstance(raw, int)
        self.push(position, scalar, (raw, raw), False)

    def parameter(self, position: int, instruction: Instruction) -> None:
        index = number(instruction, 0)
        raw = self.low.parameters[index][0]
        self.push(position, self.low.kernel.parameters[index].type, (raw, raw), False)

    def get(self, position: int, instruction: Instruction) -> None:
        local = number(instruction, 0)
        cell = self.locals.get(local)
        if cell is None:
            known = self.low.locals[local] if local not in self.region.assigned else None
            scalar = self.low.kernel.locals[local]
            limits = whole(scalar) if known is None else known
            cell = self.locals[local] = _Cell(scalar, limits.low, limits.high)
            if local in self.coordinates:
                cell.keep(0, AXIS_PIXELS - 1)
        self.stack.append(cell)
        if cell.type.is_integer:
            here = self.results.get(position)
            self.results[position] = _joined(here, (cell.low, cell.high))

    def set(self, position: int, instruction: Instruction) -> None:
        self.locals[number(instruction, 0)] = self.stack.pop()

    def element(self, position: int, instruction: Instruction) -> None:
        array, index = number(instruction, 0), self.stack.pop()
        known = known_elements(self.low, array)
        if known is None:
            raise _UnknownError
        scalar = self.low.kernel.arrays[array].type
        seen = known[max(0, index.low) : index.high + 1]
        if not seen:
            raise _ImpossibleError
        self.push(position, scalar, (min(seen), max(seen)), index.is_carried)

    def pixel(self, position: int, instruction: Instruction) -> None:
        for _ in instruction.op.pops:
            self.stack.pop()
        scalar = self.low.images[number(instruction, 0)].type
        limits = whole(scalar)
        self.push(position, scalar, (limits.low, limits.high), False)

    def forget(self, position: int, instruction: Instruction) -> None:
        self.stack.pop()

    def carry_get(self, position: int, instruction: Instruction) -> None:
        self.push(position, WIDE, self.carries[number(instruction, 0)], True)

    def carry_put(self, position: int, instruction: Instruction) -> None:
        carry, value = number(instruction, 0), self.stack.pop()
        self.put[carry] = _joined(self.put.get(carry), (value.low, value.high))

    def carry_has(self, position: int, instruction: Instruction) -> None:
        self.stack.append(_Cell(ScalarType.BOOL, 0, 1))


def _decide(op: Op, a: _Cell, b: _Cell) -> bool | None:
    if op in (Op.EQ, Op.NE):
        if a.high < b.low or b.high < a.low:
            return op is Op.NE
        return op is Op.EQ if a.low == a.high == b.low == b.high else None
    gap = 1 if op is Op.LT else 0
    if a.high + gap <= b.low:
        return True
    return False if a.low + gap > b.high else None


def _learn(op: Op, a: _Cell, b: _Cell, outcome: bool) -> None:
    if op in (Op.EQ, Op.NE):
        if outcome is (op is Op.EQ):
            a.keep(b.low, b.high)
            b.keep(a.low, a.high)
        return
    gap = 1 if op is Op.LT else 0
    if outcome:  # a + gap <= b
        a.keep(a.low, b.high - gap)
        b.keep(a.low + gap, b.high)
    else:  # b <= a + gap - 1
        a.keep(b.low + 1 - gap, a.high)
        b.keep(b.low, a.high + gap - 1)


STEPS: dict[Op, Callable[[_Walk, int, Instruction], None]] = {
    Op.CONST: _Walk.constant,
    Op.PARAMETER: _Walk.parameter,
    Op.GET: _Walk.get,
    Op.SET: _Walk.set,
    Op.ELEM_GET: _Walk.element,
    Op.OWN: _Walk.pixel,
    Op.LOAD: _Walk.pixel,
    Op.LOAD_OR: _Walk.pixel,
    Op.PUT: _Walk.forget,
    Op.CARRY_GET: _Walk.carry_get,
    Op.CARRY_PUT: _Walk.carry_put,
    Op.CARRY_HAS: _Walk.carry_has,
}


# Lowering with what was found.


def as_type(low: Lowering, value: Value, scalar: ScalarType) -> Value:
    """A number in the narrow or the wide type as the other of both, where that is asked for."""
    is_other = value.type is not scalar and {value.type, scalar} == {NARROW, WIDE}
    return resize(low, value, scalar) if is_other else value


def _can_be_narrow(value: Value) -> bool:
    return value.type is not WIDE or fits_narrow((value.low, value.high))


def narrowing(op: Op) -> Handler:
    """The handler of an instruction, in narrow lanes where all that takes part fits."""

    def handle(low: Lowering, position: int, instruction: Instruction) -> None:
        body, count = low.lane_body, len(op.pops)
        assert body is not None
        operands = low.stack[-count:]
        is_vector = any(value.lanes for value in operands)
        if not body.ranges or instruction.immediates[0] is not WIDE or not is_vector:
            body.outer[op](low, position, instruction)
            return
        interval = body.ranges.get(position)
        fits = op in transfer.COMPARISONS or fits_narrow(interval)
        if op in SHIFTS:  # they take the count modulo the width
            fits = fits and operands[1].low >= 0 and operands[1].high < NARROW.bits
        scalar = NARROW if fits and all(map(_can_be_narrow, operands)) else WIDE
        once = {value.text: as_type(low, value, scalar) for value in operands if value.text}
        low.stack[-count:] = [
            once[value.text] if value.text else as_type(low, value, scalar) for value in operands
        ]
        if op in transfer.COMPARISONS and body.compares_bytes:
            low.stack[-count:] = _as_bytes(low, operands) or low.stack[-count:]
        body.outer[op](low, position, instruction)
        _bound(low, interval)

    return handle


def _as_bytes(low: Lowering, operands: list[Value]) -> list[Value]:
    """Numbers that are compared as u8, if all fit and one was made of one; else nothing."""
    if not any(value.as_byte for value in operands):
        return []
    if not all(value.low >= 0 and value.high <= BYTE.maximum for value in operands):
        return []
    return [value.as_byte or resize(low, value, BYTE) for value in operands]


def _bound(low: Lowering, interval: Interval | None) -> None:
    top = low.stack[-1]
    if interval is not None and top.type.is_integer and not top.is_constant:
        least, most = max(top.low, interval[0]), min(top.high, interval[1])
        if least <= most:
            low.stack[-1] = replace(top, low=least, high=most)


def converting(op: Op) -> Handler:
    """The handler of a conversion: what is wide by type may come narrow, and may go narrow."""

    def handle(low: Lowering, position: int, instruction: Instruction) -> None:
        body = low.lane_body
        assert body is not None
        source, target = instruction.immediates
        value = low.stack[-1]
        if op is Op.BITS and source is WIDE:
            low.stack[-1] = as_type(low, value, WIDE)
        body.outer[op](low, position, instruction)
        interval = body.ranges.get(position)
        if target is WIDE and value.lanes and fits_narrow(interval):
            _bound(low, interval)
            low.stack[-1] = as_type(low, low.stack[-1], NARROW)

    return handle


_CONVERSIONS = frozenset({Op.CONVERT, Op.WRAP, Op.SATURATE, Op.NARROW, Op.BITS})
HANDLERS: Mapping[Op, Handler] = MappingProxyType(
    {op: converting(op) if op in _CONVERSIONS else narrowing(op) for op in ARITHMETIC}
)
