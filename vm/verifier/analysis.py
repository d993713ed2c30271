"""Rules V21 to V25: what every value can be, which checks are needless, what a run costs.

One pass over the code, no fixpoint: a local that a loop assigns is unknown at the loop's head
unless the module claims an interval for it, and the claim is checked to be inductive. There is
no path pruning: a condition teaches nothing to the arms of an `if`. Only a `require` at the top
level does, since behind it the condition holds on every path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from vm.costs import own_cost
from vm.errors import Invalid
from vm.layout import Reach
from vm.module import Border, Carry, Claim, Instruction, Kernel, Parameter, Reduction, scan_extents
from vm.opcodes import ITERATION_COST, LINE_COST, LOOPS, REDUCE_COST, Op
from vm.parameters import bounds
from vm.types import ScalarType
from vm.verifier import price, transfer
from vm.verifier.dimensions import KernelDimensions
from vm.verifier.doubts import Doubt, element_doubts, pixel_doubts
from vm.verifier.expression import Expression, TooComplexError, number, parameter
from vm.verifier.frame import Frame, is_exact_sum, reduction_ranges
from vm.verifier.instructions import claims_of, stack_effect
from vm.verifier.interval import Range, refined, shifted, whole
from vm.verifier.regions import own_locals
from vm.verifier.rules import Rule, refuse
from vm.verifier.structure import Structure


class Analysis(Struct):
    """What the analysis proved, for `Facts`, and the cost of the code."""

    proved: set[int] = field(default_factory=set)
    checked: set[int] = field(default_factory=set)
    ranges: dict[int, tuple[int, int]] = field(default_factory=dict)
    exact: set[int] = field(default_factory=set)
    doubts: dict[int, tuple[Doubt, ...]] = field(default_factory=dict)
    cost: Expression = field(default_factory=lambda: number(0))


def analyse(
    kernel: Kernel,
    structure: Structure,
    reaches: Mapping[int, tuple[Reach, tuple[int, ...]]],
) -> Analysis:
    """Rules V21 to V24 for one kernel whose structure is checked. Raises `Invalid`."""
    analyser = Analyser(kernel, structure, reaches)
    for position, instruction in enumerate(kernel.code):
        analyser.position = position
        try:
            analyser.step(instruction)
        except Invalid as error:
            raise Invalid(error.rule, error.message, kernel.name, position) from None
        except TooComplexError as error:
            raise refuse(Rule.COST, f"the price has {error}", kernel.name, position) from None
    analyser.found.cost = analyser.frame.cost
    return analyser.found


class Analyser:
    """The state of the one pass."""

    def __init__(
        self,
        kernel: Kernel,
        structure: Structure,
        reaches: Mapping[int, tuple[Reach, tuple[int, ...]]],
    ) -> None:
        self.kernel = kernel
        self.regions = structure.regions
        self.reaches = reaches
        self.dimensions = KernelDimensions(kernel)
        self.pricing = price.Pricing(kernel, self.dimensions)
        self.found = Analysis()
        self.frames = [Frame(None)]
        self.locals = [whole(scalar) for scalar in kernel.locals]
        self.versions = [0] * len(kernel.locals)
        self.parameters = list(
            map(parameter_range, range(len(kernel.parameters)), kernel.parameters)
        )
        self.position = 0

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    def step(self, instruction: Instruction) -> None:
        """One instruction: pop the operands' ranges, judge, push the result's."""
        op = instruction.op
        if op is Op.ELSE:
            self.turn()
            return
        if op is Op.END:
            self.leave()
            return
        pops, pushes = stack_effect(self.kernel, instruction)
        stack = self.frame.stack
        args = [stack.pop() for _ in pops][::-1]
        self.frame.units += own_cost(self.kernel, instruction)
        if self.position in self.regions:
            self.enter(instruction, args)
            return
        result = HANDLERS[op](self, instruction, args)
        if pushes:
            self.push(result or whole(pushes[0]))

    def push(self, value: Range) -> None:
        """Push a result and remember its interval for the native compiler."""
        self.frame.stack.append(value)
        if not value.type.is_float:
            self.found.ranges[self.position] = (value.low, value.high)

    def judge(self, proved: bool) -> None:
        """Note whether this instruction needs its check."""
        (self.found.proved if proved else self.found.checked).add(self.position)

    def assign(self, local: int, value: Range) -> None:
        """A local has a new value; facts about the old one are void."""
        self.locals[local] = value
        self.versions[local] += 1

    # Regions.

    def enter(self, instruction: Instruction, args: list[Range]) -> None:
        """The head of a region."""
        region = self.regions[self.position]
        frame = Frame(region)
        assigned = [slot for slot in region.assigned if slot < len(self.locals)]
        frame.saved = {local: self.locals[local] for local in assigned}
        if instruction.op in LOOPS:
            self.enter_claims(instruction, "before the loop")
            for local in assigned:
                self.assign(local, whole(self.kernel.locals[local]))
            for claim in claims_of(instruction):
                self.assign(claim.local, self.claimed(claim))
            self.frames.append(frame)
            ENTER[instruction.op](self, instruction, args, frame)
        else:
            self.frames.append(frame)

    def enter_claims(self, instruction: Instruction, when: str) -> None:
        for claim in claims_of(instruction):
            value = self.locals[claim.local]
            kept = claim.low <= value.low and value.high <= claim.high
            if claim.dimension is not None:
                base, offset = self.dimensions.bases[claim.dimension]
                most = self.dimensions.upper_offset(value, base)
                kept = kept and most <= offset + claim.offset
            if not kept:
                raise refuse(
                    Rule.CLAIM,
                    f"local {claim.local} is claimed in {claim.low}..={claim.high}, but {when} it "
                    f"can be {value.low}..={value.high}",
                )

    def claimed(self, claim: Claim) -> Range:
        """The range that a claim gives a local at the loop's head."""
        scalar = self.kernel.locals[claim.local]
        if not scalar.is_integer:
            raise refuse(Rule.CLAIM, f"local {claim.local} is no integer")
        low, high = max(claim.low, scalar.minimum), min(claim.high, scalar.maximum)
        if claim.dimension is None:
            return Range(scalar, low, high)
        base, offset = self.dimensions.bases[claim.dimension]
        return Range(scalar, low, high, below=((base, offset + claim.offset),))

    def enter_counted(self, instruction: Instruction, start: Range, stop: Range, step: int) -> None:
        """`for` and `reduce`: the loop local lies in [start, stop - 1]."""
        frame = self.frame
        low, high = start.low, max(start.low, stop.high - 1)
        local = own_locals(instruction)[0]
        value = Range(ScalarType.I32, low, high, start.above, shifted(stop.below, -1))
        self.assign(local, value)
        frame.places = [value]
        frame.trips = self.pricing.trips(start, stop, step)
        frame.most_trips = max(0, -(-(stop.high - start.low) // step))

    def enter_pixels(self, instruction: Instruction) -> None:
        """map, scan, reduce2: x and y lie inside the extents."""
        frame = self.frame
        *_, width, height = instruction.immediates
        own = own_locals(instruction)[-2:]
        expressions = []
        frame.most_trips = 1
        for local, index in zip(own, (width, height), strict=True):
            assert isinstance(index, int)
            base, offset = self.dimensions.bases[index]
            high = self.dimensions.high[index] - 1
            value = Range(ScalarType.I32, 0, high, (), ((base, offset - 1),))
            self.assign(local, value)
            frame.places.append(value)
            frame.most_trips *= high + 1
            expressions.append(self.dimensions.expressions[index])
        frame.trips = expressions[0] * expressions[1]
        frame.lines = expressions[1] * number(LINE_COST)

    def turn(self) -> None:
        """The `else` of an `if`: keep the first arm's end, go on from its beginning."""
        frame = self.frame
        after = {local: self.locals[local] for local in frame.saved}
        frame.first_arm = (after, frame.cost, frame.stack)
        frame.units, frame.nested, frame.stack = 0, number(0), []
        for local, value in frame.saved.items():
            self.assign(local, value)

    def leave(self) -> None:
        """The end of a region."""
        frame = self.frames[-1]
        region = frame.region
        assert region is not None
        start = self.kernel.code[region.start]
        if region.op is Op.IF:
            self.leave_if(frame)
            return
        self.enter_claims(start, "after the body")
        self.frames.pop()
        fold = REDUCE_COST if region.op in (Op.REDUCE, Op.REDUCE_2D) else 0
        one = frame.cost + number(ITERATION_COST + fold)
        self.frame.nested += frame.trips * one + frame.lines
        kept = {claim.local for claim in claims_of(start)}
        for local in frame.saved:
            if local not in kept:
                self.assign(local, whole(self.kernel.locals[local]))
        for claim in claims_of(start):
            self.assign(claim.local, self.claimed(claim))
        for value in reduction_ranges(start, frame, self.dimensions):
            self.push_at(region.start, value)
        if is_exact_sum(start, frame):
            self.found.exact.add(region.start)

    def push_at(self, position: int, value: Range) -> None:
        """Push a region's result; its interval is kept under the region's start."""
        self.frame.stack.append(value)
        if not value.type.is_float:
            self.found.ranges.setdefault(position, (value.low, value.high))

    def leave_if(self, frame: Frame) -> None:
        region = frame.region
        assert region is not None
        self.frames.pop()
        after, cost, stack = frame.first_arm or (
            dict(frame.saved),
            number(0),
            [],
        )
        for local, value in after.items():
            self.assign(local, self.dimensions.join(value, self.locals[local]))
        self.frame.nested += self.pricing.dearer(cost, frame.cost)
        for left, right in zip(stack, frame.stack, strict=False):
            self.push_at(region.start, self.dimensions.join(left, right))

    # Instructions: each handler gives the range it pushes, None for "any value" or nothing.

    def do_const(self, instruction: Instruction, args: list[Range]) -> Range | None:
        scalar, raw = instruction.immediates
        assert isinstance(scalar, ScalarType)
        assert isinstance(raw, int)
        if scalar.is_float:
            return whole(scalar)
        return Range(scalar, raw, raw, exact=number(raw))

    def do_get(self, instruction: Instruction, args: list[Range]) -> Range | None:
        local = _index(instruction)
        value = self.locals[local]
        origin = ("local", local, self.versions[local])
        return Range(
            value.type, value.low, value.high, value.above, value.below, value.exact, origin,
            value.facts,
        )  # fmt: skip

    def do_set(self, instruction: Instruction, args: list[Range]) -> Range | None:
        self.assign(_index(instruction), args[0])
        return None

    def do_parameter(self, instruction: Instruction, args: list[Range]) -> Range | None:
        return self.parameters[_index(instruction)]

    def do_dimension(self, instruction: Instruction, args: list[Range]) -> Range | None:
        index = _index(instruction)
        return self.dimensions.range_of(index, self.dimensions.expressions[index])

    def do_elem_get(self, instruction: Instruction, args: list[Range]) -> Range | None:
        array = self.kernel.arrays[_index(instruction)]
        self.judge_element(args[0], array.length)
        if array.type.is_float:
            return None
        if array.data:
            return Range(array.type, min(array.data), max(array.data))
        if array.parameter is not None:
            low, high = (int(b) for b in bounds(self.kernel.parameters[array.parameter]))
            return Range(array.type, low, high)
        return None

    def do_elem_set(self, instruction: Instruction, args: list[Range]) -> Range | None:
        self.judge_element(args[0], self.kernel.arrays[_index(instruction)].length)
        return None

    def judge_element(self, index: Range, length: int) -> None:
        self.judge(index.low >= 0 and index.high < length)
        if self.position in self.found.checked:
            self.found.doubts[self.position] = tuple(element_doubts(index, length))

    def do_arithmetic(self, instruction: Instruction, args: list[Range]) -> Range | None:
        scalar = instruction.immediates[0]
        assert isinstance(scalar, ScalarType)
        if transfer.is_exact(instruction.op, scalar, args, self.dimensions):
            self.found.exact.add(self.position)
        return transfer.apply(instruction.op, scalar, args, self.dimensions)

    def do_division(self, instruction: Instruction, args: list[Range]) -> Range | None:
        if not args[1].type.is_float:
            self.judge(args[1].low > 0 or args[1].high < 0)
        return self.do_arithmetic(instruction, args)

    def do_convert(self, instruction: Instruction, args: list[Range]) -> Range | None:
        target = instruction.immediates[1]
        assert isinstance(target, ScalarType)
        if instruction.op is Op.NARROW:
            value = args[0]
            self.judge(target.minimum <= value.low and value.high <= target.maximum)
        if transfer.keeps_value(instruction.op, target, args[0]):
            self.found.exact.add(self.position)
        return transfer.convert(instruction.op, target, args[0])

    def do_load(self, instruction: Instruction, args: list[Range]) -> Range | None:
        if instruction.immediates[2] is Border.INSIDE:
            self.judge_inside(_index(instruction), args)
        return None

    def do_store(self, instruction: Instruction, args: list[Range]) -> Range | None:
        self.judge_inside(_index(instruction), args)
        return None

    def judge_inside(self, index: int, args: list[Range]) -> None:
        image = self.kernel.images[index]
        inside = self.dimensions.is_inside
        self.judge(inside(args[0], image.width) and inside(args[1], image.height))
        if self.position in self.found.checked:
            self.found.doubts[self.position] = (
                *pixel_doubts(self.dimensions, args[0], image.width, f"{image.name}.width"),
                *pixel_doubts(self.dimensions, args[1], image.height, f"{image.name}.height"),
            )

    def do_clear(self, instruction: Instruction, args: list[Range]) -> Range | None:
        self.frame.nested += self.pricing.clearing(_index(instruction))
        return None

    def do_carry_get(self, instruction: Instruction, args: list[Range]) -> Range | None:
        return carry_range(self.kernel.carries[_index(instruction)])

    def do_carry_put(self, instruction: Instruction, args: list[Range]) -> Range | None:
        index = _index(instruction)
        carry = self.kernel.carries[index]
        if carry.low is None or carry.high is None:
            return None
        value = args[0]
        if not carry.low <= value.low <= value.high <= carry.high:
            raise refuse(
                Rule.CARRY_CLAIM,
                f"carry {index} is claimed in {carry.low}..={carry.high}, but "
                f"{value.low}..={value.high} may be put",
            )
        return None

    def do_require(self, instruction: Instruction, args: list[Range]) -> Range | None:
        if len(self.frames) > 1:
            return None
        for fact in args[0].facts:
            kind, index, version = fact.origin
            if kind == "dimension":
                self.dimensions.learn(fact)
            elif kind == "parameter":
                self.parameters[index] = refined(self.parameters[index], fact)
            elif version == self.versions[index]:
                self.locals[index] = refined(self.locals[index], fact)
        return None

    def do_nothing(self, instruction: Instruction, args: list[Range]) -> Range | None:
        return None

    # Heads of loops.

    def enter_for(self, instruction: Instruction, args: list[Range], frame: Frame) -> None:
        step = instruction.immediates[1]
        assert isinstance(step, int)
        self.enter_counted(instruction, args[0], args[1], step)

    def enter_reduce(self, instruction: Instruction, args: list[Range], frame: Frame) -> None:
        self.enter_counted(instruction, args[0], args[1], 1)
        if instruction.immediates[0] not in (Reduction.SUM, Reduction.COUNT):
            self.judge(args[0].high < args[1].low)

    def enter_pixel_loop(self, instruction: Instruction, args: list[Range], frame: Frame) -> None:
        self.enter_pixels(instruction)

    def enter_scan(self, instruction: Instruction, args: list[Range], frame: Frame) -> None:
        self.enter_pixels(instruction)
        direction = own_locals(instruction)[0]
        self.assign(direction, Range(ScalarType.I32, -1, 1))
        length, count = (self.dimensions.expressions[i] for i in scan_extents(instruction))
        frame.lines = count * number(LINE_COST)
        assert frame.region is not None
        for carry in price.carries_of(self.kernel, frame.region):
            lines = self.reaches[carry][0].lines + 1
            frame.lines += length * number(lines)


def parameter_range(index: int, declared: Parameter) -> Range:
    """What a scalar parameter can be, before anything is required of it."""
    if declared.type.is_float:
        return whole(declared.type)
    low, high = (int(bound) for bound in bounds(declared))
    exact = parameter(index, declared.name) if declared.type.is_integer else None
    return Range(declared.type, low, high, exact=exact, origin=("parameter", index, 0))


def carry_range(carry: Carry) -> Range:
    """What a carried read can give: what is claimed of every put, or 0 outside the image."""
    if carry.low is None or carry.high is None:
        return whole(carry.type)
    return Range(carry.type, carry.low, carry.high)


def _index(instruction: Instruction) -> int:
    index = instruction.immediates[0]
    assert isinstance(index, int)
    return index


Handler = Callable[[Analyser, Instruction, list[Range]], Range | None]
EnterHandler = Callable[[Analyser, Instruction, list[Range], Frame], None]

ENTER: dict[Op, EnterHandler] = {
    Op.FOR: Analyser.enter_for,
    Op.REDUCE: Analyser.enter_reduce,
    Op.REDUCE_2D: Analyser.enter_pixel_loop,
    Op.MAP: Analyser.enter_pixel_loop,
    Op.SCAN: Analyser.enter_scan,
}

HANDLERS: dict[Op, Handler] = {
    Op.CONST: Analyser.do_const,
    Op.GET: Analyser.do_get,
    Op.SET: Analyser.do_set,
    Op.PARAMETER: Analyser.do_parameter,
    Op.DIMENSION: Analyser.do_dimension,
    Op.ELEM_GET: Analyser.do_elem_get,
    Op.ELEM_SET: Analyser.do_elem_set,
    Op.ARRAY_FILL: Analyser.do_nothing,
    Op.ARRAY_COPY: Analyser.do_nothing,
    **dict.fromkeys(transfer.UNARY, Analyser.do_arithmetic),
    **dict.fromkeys(transfer.BINARY, Analyser.do_arithmetic),
    **dict.fromkeys(transfer.COMPARISONS, Analyser.do_arithmetic),
    **dict.fromkeys((Op.NOT, Op.SELECT), Analyser.do_arithmetic),
    **dict.fromkeys(transfer.DIVISIONS, Analyser.do_division),
    **dict.fromkeys((Op.SQRT, Op.FLOOR, Op.CEIL, Op.TRUNC, Op.NEAREST), Analyser.do_nothing),
    **dict.fromkeys((Op.CONVERT, Op.WRAP, Op.SATURATE, Op.NARROW, Op.BITS), Analyser.do_convert),
    Op.LOAD: Analyser.do_load,
    Op.LOAD_OR: Analyser.do_nothing,
    Op.PUT: Analyser.do_nothing,
    Op.STORE: Analyser.do_store,
    Op.STORE_DROP: Analyser.do_nothing,
    Op.CLEAR: Analyser.do_clear,
    Op.OWN: Analyser.do_nothing,
    Op.GIVE: Analyser.do_nothing,
    Op.CARRY_GET: Analyser.do_carry_get,
    Op.CARRY_PUT: Analyser.do_carry_put,
    Op.CARRY_HAS: Analyser.do_nothing,
    Op.REQUIRE: Analyser.do_require,
}
_HANDLED = set(HANDLERS) | set(ENTER) | {Op.IF, Op.ELSE, Op.END}
assert set(Op) == _HANDLED, f"no rule for {set(Op) ^ _HANDLED}"
