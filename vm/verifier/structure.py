"""Rules V8 to V20: regions, indices, the stack and its types, assignment, order of effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vm import limits
from vm.bits import is_raw
from vm.errors import Invalid
from vm.module import Border, Claim, Instruction, Kernel, Order, Reduction, Role
from vm.opcodes import LOOPS, PIXEL_LOOPS, Imm, Op
from vm.types import COMPUTE_NUMBERS, INTEGERS, NUMBERS, ScalarType
from vm.verifier.dimensions import bases_of
from vm.verifier.regions import ARRAY_SLOT, Region, assigned_slot, find_regions, own_locals
from vm.verifier.rules import Rule, refuse

REDUCES = frozenset({Op.REDUCE, Op.REDUCE_2D})
WRITES = frozenset({Op.STORE, Op.STORE_DROP, Op.CLEAR})
ARG_REDUCTIONS = frozenset({Reduction.ARGMIN, Reduction.ARGMAX})

INDEX_LIMIT: dict[Imm, Callable[[Kernel], int]] = {
    Imm.LOCAL: lambda kernel: len(kernel.locals),
    Imm.ARRAY: lambda kernel: len(kernel.arrays),
    Imm.PARAMETER: lambda kernel: len(kernel.parameters),
    Imm.DIMENSION: lambda kernel: len(kernel.dimensions),
    Imm.IMAGE: lambda kernel: len(kernel.images),
    Imm.CARRY: lambda kernel: len(kernel.carries),
    Imm.TEXT: lambda kernel: len(kernel.texts),
}

TYPE_WORDS: dict[str, tuple[Imm, Callable[[Kernel, int], ScalarType]]] = {
    "L": (Imm.LOCAL, lambda kernel, index: kernel.locals[index]),
    "E": (Imm.ARRAY, lambda kernel, index: kernel.arrays[index].type),
    "P": (Imm.IMAGE, lambda kernel, index: kernel.images[index].type),
    "C": (Imm.CARRY, lambda kernel, index: kernel.carries[index].type),
    "A": (Imm.PARAMETER, lambda kernel, index: kernel.parameters[index].type),
}
FIXED_WORDS = {"i32": ScalarType.I32, "bool": ScalarType.BOOL}


@dataclass(slots=True)
class Frame:
    """A region being checked: its own stack, and what it changed of the assignment state."""

    region: Region | None
    result: ScalarType | None = None
    stack: list[ScalarType] = field(default_factory=list)
    added: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    first_arm: tuple[set[int], set[int]] | None = None
    arm_start: int = 0
    puts: set[int] = field(default_factory=set)
    loads: dict[int, int] = field(default_factory=dict)
    carry_puts: set[int] = field(default_factory=set)
    carry_gets: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Structure:
    """What the structure check found: every region by its start."""

    regions: dict[int, Region]


def check_structure(kernel: Kernel) -> Structure:
    """Rules V8 to V20 for one kernel. Raises `Invalid`."""
    checker = _Checker(kernel, find_regions(kernel))
    for position, instruction in enumerate(kernel.code):
        checker.position = position
        try:
            checker.step(instruction)
        except Invalid as error:
            raise Invalid(error.rule, error.message, kernel.name, position) from None
    if checker.frame.stack:
        raise refuse(Rule.RESULT, "values are left on the stack", kernel.name, len(kernel.code))
    return Structure(checker.regions)


class _Checker:
    def __init__(self, kernel: Kernel, regions: dict[int, Region]) -> None:
        self.kernel = kernel
        self.regions = regions
        self.position = 0
        self.frames = [Frame(None)]
        self.assigned = {
            ARRAY_SLOT + i for i, array in enumerate(kernel.arrays) if not array.is_local
        }
        self.loop_locals: set[int] = set()
        self.pixel_loop: Frame | None = None
        self.reduces = 0
        self.bases = bases_of(kernel)

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    def step(self, instruction: Instruction) -> None:
        check_immediates(self.kernel, instruction)
        check_type(instruction)
        op = instruction.op
        if op is Op.ELSE:
            self.turn()
        elif op is Op.END:
            self.leave()
        else:
            pops, pushes = stack_effect(self.kernel, instruction)
            for expected in reversed(pops):
                self.pop(expected)
            self.effects(instruction)
            if self.position in self.regions:
                self.enter(instruction)
            else:
                self.push(pushes)

    # The stack.

    def pop(self, expected: ScalarType) -> None:
        stack = self.frame.stack
        if not stack:
            raise refuse(Rule.STACK, f"needs a {expected}, but the stack is empty")
        found = stack.pop()
        if found is not expected:
            raise refuse(Rule.STACK, f"needs a {expected}, found a {found}")

    def push(self, types: tuple[ScalarType, ...]) -> None:
        self.frame.stack.extend(types)
        if len(self.frame.stack) > limits.STACK_DEPTH:
            raise refuse(Rule.LIMITS, f"the stack is deeper than {limits.STACK_DEPTH}")

    def check_result(self) -> None:
        frame = self.frame
        wanted = [] if frame.result is None else [frame.result]
        if frame.stack != wanted:
            left = ", ".join(map(str, frame.stack)) or "nothing"
            must = frame.result or "nothing"
            raise refuse(Rule.RESULT, f"the region must leave {must}, but leaves {left}")

    # Assignment.

    def assign(self, slot: int) -> None:
        if slot not in self.assigned:
            self.assigned.add(slot)
            self.frame.added.add(slot)
            self.frame.removed.discard(slot)

    def unassign(self, slots: set[int]) -> None:
        gone = slots & self.assigned
        self.assigned -= gone
        self.frame.removed |= gone - self.frame.added
        self.frame.added -= gone

    def need_assigned(self, slot: int) -> None:
        if slot not in self.assigned:
            what = f"array {slot - ARRAY_SLOT}" if slot >= ARRAY_SLOT else f"local {slot}"
            raise refuse(Rule.ASSIGNED, f"{what} may be read before it is assigned")

    # Regions.

    def enter(self, instruction: Instruction) -> None:
        region = self.regions[self.position]
        self.enter_rules(instruction)
        frame = Frame(region, body_result(instruction))
        frame.arm_start = self.position
        self.frames.append(frame)
        if region.op in LOOPS:
            carried = region.killed if region.op is Op.FOR else region.assigned
            self.unassign(carried)
            for local in own_locals(instruction):
                self.enter_local(local)
        if region.op in PIXEL_LOOPS:
            self.pixel_loop = frame
        if region.op in REDUCES:
            self.reduces += 1

    def enter_rules(self, instruction: Instruction) -> None:
        if instruction.op in PIXEL_LOOPS and (self.pixel_loop or self.reduces):
            raise refuse(Rule.PIXEL_LOOP, f"`{instruction.op.mnemonic}` stands in another loop")
        own = own_locals(instruction)
        if len(set(own)) != len(own):
            raise refuse(Rule.LOOP_LOCAL, "a loop names one local twice")
        for claim in claims_of(instruction):
            if claim.local in own:
                raise refuse(Rule.CLAIM, f"local {claim.local} is the loop's own")
            self.need_assigned(claim.local)

    def enter_local(self, local: int) -> None:
        if self.kernel.locals[local] is not ScalarType.I32:
            raise refuse(Rule.LOOP_LOCAL, f"loop local {local} is no i32")
        if local in self.loop_locals:
            raise refuse(Rule.LOOP_LOCAL, f"local {local} belongs to an enclosing loop")
        self.loop_locals.add(local)
        self.assign(local)

    def turn(self) -> None:
        frame = self.frame
        self.check_result()
        frame.stack.clear()
        frame.first_arm = (frame.added, frame.removed)
        self.assigned -= frame.added
        self.assigned |= frame.removed
        frame.added, frame.removed = set(), set()
        frame.arm_start = self.position

    def leave(self) -> None:
        frame = self.frames.pop()
        region = frame.region
        assert region is not None
        self.frames.append(frame)
        self.check_result()
        if region.op is Op.IF:
            self.check_arms(frame, region)
        self.frames.pop()
        start = self.kernel.code[region.start]
        self.assigned -= frame.added
        if region.op is Op.IF:
            first_added, first_removed = frame.first_arm or (set(), set())
            both = first_added & frame.added if region.otherwise is not None else set()
            self.assigned |= frame.removed
            self.unassign(frame.removed | first_removed)
            for slot in both:
                self.assign(slot)
        else:
            self.assigned |= frame.removed
            self.unassign(frame.removed | set(own_locals(start)))
            self.loop_locals -= set(own_locals(start))
        if region.op in PIXEL_LOOPS:
            self.check_pixel_loop(frame)
            self.pixel_loop = None
        if region.op in REDUCES:
            self.reduces -= 1
        self.push(region_results(start))

    def check_arms(self, frame: Frame, region: Region) -> None:
        if region.otherwise is None:
            if frame.result is not None:
                raise refuse(Rule.REGIONS, "an `if` with a result needs an `else`")
        elif region.otherwise + 1 == self.position and frame.result is None:
            raise refuse(Rule.REGIONS, "an empty `else` must be left out")

    def check_pixel_loop(self, frame: Frame) -> None:
        for image, position in frame.loads.items():
            if image in frame.puts:
                name = self.kernel.images[image].name
                raise refuse(
                    Rule.ORDER, f"'{name}' is read (instruction {position}) where it is put"
                )
        for carry in frame.carry_gets:
            if carry not in frame.carry_puts:
                raise refuse(Rule.CARRY, f"carry {carry} is read but never put")

    # Effects, by instruction.

    def effects(self, instruction: Instruction) -> None:
        op = instruction.op
        slot = assigned_slot(instruction)
        index = instruction.immediates[0] if instruction.immediates else None
        if op is Op.SET and index in self.loop_locals:
            raise refuse(Rule.LOOP_LOCAL, f"local {index} is a loop's own")
        if slot is not None and slot >= ARRAY_SLOT:
            self.write_array(instruction, slot)
        if slot is not None:
            self.assign(slot)
        if isinstance(index, int):
            if op is Op.GET:
                self.need_assigned(index)
            elif op is Op.ELEM_GET:
                self.need_assigned(ARRAY_SLOT + index)
            elif op is Op.PARAMETER and self.kernel.parameters[index].length:
                raise refuse(Rule.TYPE, "an array parameter is read through its array")
            elif op in (Op.LOAD, Op.LOAD_OR) and self.pixel_loop is not None:
                self.pixel_loop.loads.setdefault(index, self.position)
            elif op is Op.PUT:
                self.put(index)
            elif op in WRITES:
                self.write(op, index)
        if op in (Op.CARRY_GET, Op.CARRY_HAS, Op.CARRY_PUT):
            self.carry(instruction)

    def write_array(self, instruction: Instruction, slot: int) -> None:
        array = self.kernel.arrays[slot - ARRAY_SLOT]
        if not array.is_local:
            raise refuse(Rule.ARRAY_WRITE, f"array {slot - ARRAY_SLOT} is constant")
        if instruction.op is Op.ELEM_SET:
            self.need_assigned(slot)
        if instruction.op is Op.ARRAY_COPY:
            source = instruction.immediates[1]
            assert isinstance(source, int)
            other = self.kernel.arrays[source]
            if (other.type, other.length) != (array.type, array.length):
                raise refuse(Rule.TYPE, "arrays of different shapes cannot be copied")
            self.need_assigned(ARRAY_SLOT + source)

    def put(self, index: int) -> None:
        image = self.kernel.images[index]
        self.refuse_input(index)
        loop = self.pixel_loop
        if loop is None or loop.region is None or self.reduces:
            raise refuse(Rule.PUT, "`put` stands outside map and scan, or in a reduction")
        width, height = self.kernel.code[loop.region.start].immediates[-2:]
        assert isinstance(width, int)
        assert isinstance(height, int)
        wanted = (self.bases[image.width], self.bases[image.height])
        if wanted != (self.bases[width], self.bases[height]):
            raise refuse(Rule.PUT, f"'{image.name}' has other extents than the loop")
        loop.puts.add(index)

    def write(self, op: Op, index: int) -> None:
        self.refuse_input(index)
        if self.pixel_loop is not None or self.reduces:
            raise refuse(Rule.WRITE, f"`{op.mnemonic}` stands in a map, scan or reduction")

    def refuse_input(self, index: int) -> None:
        image = self.kernel.images[index]
        if image.role is Role.IN:
            raise refuse(Rule.WRITE, f"'{image.name}' is an input")

    def carry(self, instruction: Instruction) -> None:
        loop = self.pixel_loop
        if loop is None or loop.region is None or loop.region.op is not Op.SCAN:
            raise refuse(Rule.CARRY, "carries belong to a scan")
        carry, *offsets = instruction.immediates
        assert isinstance(carry, int)
        if instruction.op is Op.CARRY_PUT:
            if self.frame is not loop:
                raise refuse(Rule.CARRY, "`carry.put` stands in a region inside the scan")
            if carry in loop.carry_puts:
                raise refuse(Rule.CARRY, f"carry {carry} is put twice")
            loop.carry_puts.add(carry)
        elif instruction.op is Op.CARRY_GET:
            ahead, down = offsets
            assert isinstance(ahead, int)
            assert isinstance(down, int)
            if down > 0 or (down == 0 and ahead >= 0):
                raise refuse(Rule.CARRY, f"({ahead}, {down}) is not yet gone by")
            loop.carry_gets.setdefault(carry, self.position)


def check_immediates(kernel: Kernel, instruction: Instruction) -> None:
    """Rule V9: as many immediates as the row says, each of its kind, each in its bounds."""
    op = instruction.op
    if len(instruction.immediates) != len(op.immediates):
        raise refuse(Rule.INDEX, f"`{op.mnemonic}` takes {len(op.immediates)} immediates")
    for kind, value in zip(op.immediates, instruction.immediates, strict=True):
        if not _is_of_kind(kind, value):
            raise refuse(Rule.INDEX, f"{value!r} is no {kind.value}")
        if kind in INDEX_LIMIT:
            assert isinstance(value, int)
            if not 0 <= value < INDEX_LIMIT[kind](kernel):
                raise refuse(Rule.INDEX, f"there is no {kind.value} {value}")
    if Imm.CHANNEL in op.immediates:
        index, channel = instruction.immediates[:2]
        assert isinstance(index, int)
        assert isinstance(channel, int)
        if not 0 <= channel < kernel.images[index].channels:
            raise refuse(Rule.INDEX, f"'{kernel.images[index].name}' has no channel {channel}")
    if Imm.VALUE in op.immediates:
        scalar, raw = instruction.immediates
        assert isinstance(scalar, ScalarType)
        assert isinstance(raw, int)
        if not is_raw(scalar, raw):
            raise refuse(Rule.TYPE, f"{raw} is no {scalar}")
    for claim in claims_of(instruction):
        if not 0 <= claim.local < len(kernel.locals):
            raise refuse(Rule.INDEX, f"there is no local {claim.local}")
        if claim.dimension is not None and not 0 <= claim.dimension < len(kernel.dimensions):
            raise refuse(Rule.INDEX, f"there is no dimension {claim.dimension}")


def _is_of_kind(kind: Imm, value: object) -> bool:
    if kind in (Imm.TYPE, Imm.SOURCE_TYPE):
        return isinstance(value, ScalarType)
    if kind is Imm.RESULT:
        return value is None or isinstance(value, ScalarType)
    if kind is Imm.BORDER:
        return isinstance(value, Border)
    if kind is Imm.ORDER:
        return isinstance(value, Order)
    if kind is Imm.REDUCTION:
        return isinstance(value, Reduction)
    if kind is Imm.CLAIMS:
        return isinstance(value, tuple) and len(value) <= limits.CLAIMS
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    if kind is Imm.STEP:
        return 1 <= value <= ScalarType.I32.maximum
    if kind is Imm.AHEAD:
        return abs(value) <= limits.CARRY_AHEAD
    if kind is Imm.DOWN:
        return -limits.CARRY_LINES <= value <= 0
    return True


def check_type(instruction: Instruction) -> None:
    """Rule V11: the instruction is defined for its types."""
    op = instruction.op
    if Imm.TYPE not in op.immediates:
        return
    target = instruction.immediates[op.immediates.index(Imm.TYPE)]
    assert isinstance(target, ScalarType)
    if target not in op.types:
        raise refuse(Rule.TYPE, f"`{op.mnemonic}` is not defined for {target}")
    if Imm.SOURCE_TYPE in op.immediates:
        source = instruction.immediates[op.immediates.index(Imm.SOURCE_TYPE)]
        assert isinstance(source, ScalarType)
        if not is_conversion(op, source, target):
            raise refuse(Rule.TYPE, f"`{op.mnemonic}` does not lead from {source} to {target}")
    if op in REDUCES:
        reduction = instruction.immediates[0]
        allowed = NUMBERS
        if reduction is Reduction.SUM:
            allowed = COMPUTE_NUMBERS
        elif reduction is Reduction.COUNT:
            allowed = frozenset({ScalarType.BOOL})
        if target not in allowed:
            raise refuse(Rule.TYPE, f"this reduction is not defined for {target}")


def is_conversion(op: Op, source: ScalarType, target: ScalarType) -> bool:
    """Whether a conversion instruction leads from one type to the other."""
    if op is Op.BITS:
        return (
            source.bits == target.bits
            and source.is_float != target.is_float
            and (source in NUMBERS)
        )
    holds = source.minimum >= target.minimum and source.maximum <= target.maximum
    both_integers = source in INTEGERS and target in INTEGERS
    if op is Op.CONVERT:
        return source is not target and (holds or not both_integers)
    return both_integers and not holds


def stack_effect(
    kernel: Kernel, instruction: Instruction
) -> tuple[tuple[ScalarType, ...], tuple[ScalarType, ...]]:
    """The types an instruction pops and pushes (regions: what they push is `region_results`)."""
    op = instruction.op

    def resolve(word: str) -> ScalarType:
        if word in FIXED_WORDS:
            return FIXED_WORDS[word]
        if word in TYPE_WORDS:
            kind, of = TYPE_WORDS[word]
            index = instruction.immediates[op.immediates.index(kind)]
            assert isinstance(index, int)
            return of(kernel, index)
        kind = Imm.TYPE if word == "T" else Imm.SOURCE_TYPE
        scalar = instruction.immediates[op.immediates.index(kind)]
        assert isinstance(scalar, ScalarType)
        return scalar

    pushes = () if op in REDUCES else tuple(map(resolve, op.pushes))
    return tuple(map(resolve, op.pops)), pushes


def body_result(instruction: Instruction) -> ScalarType | None:
    """What the body of a region must leave on its stack."""
    if instruction.op is Op.IF:
        result = instruction.immediates[0]
        return result if isinstance(result, ScalarType) else None
    if instruction.op in REDUCES:
        scalar = instruction.immediates[1]
        assert isinstance(scalar, ScalarType)
        return scalar
    return None


def region_results(instruction: Instruction) -> tuple[ScalarType, ...]:
    """What a region pushes when it is done."""
    result = body_result(instruction)
    if result is None:
        return ()
    if instruction.op is Op.IF:
        return (result,)
    reduction = instruction.immediates[0]
    if reduction is Reduction.COUNT:
        return (ScalarType.I32,)
    places = 2 if instruction.op is Op.REDUCE_2D else 1
    return (result, *[ScalarType.I32] * (places if reduction in ARG_REDUCTIONS else 0))


def claims_of(instruction: Instruction) -> tuple[Claim, ...]:
    """The claims of a `for`, none for the rest."""
    if instruction.op is not Op.FOR:
        return ()
    claims = instruction.immediates[2]
    return claims if isinstance(claims, tuple) else ()
