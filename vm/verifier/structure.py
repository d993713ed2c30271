"""Rules V8 to V20: regions, indices, the stack and its types, assignment, order of effects."""

from __future__ import annotations

from msgspec import Struct, field

from vm import limits
from vm.errors import Invalid
from vm.module import Instruction, Kernel, Role
from vm.opcodes import LOOPS, PIXEL_LOOPS, Op
from vm.types import ScalarType
from vm.verifier.dimensions import bases_of
from vm.verifier.instructions import (
    REDUCES,
    body_result,
    check_immediates,
    check_type,
    claims_of,
    region_results,
    stack_effect,
)
from vm.verifier.regions import ARRAY_SLOT, Region, assigned_slot, find_regions, own_locals
from vm.verifier.rules import Rule, refuse

WRITES = frozenset({Op.STORE, Op.STORE_DROP, Op.CLEAR})


class Frame(Struct):
    """A region being checked: its own stack, and what it changed of the assignment state.

    `added` are slots that were not assigned at its beginning and are now; `lost` those that were,
    and have been unassigned since, be it that they are assigned again.
    """

    region: Region | None
    result: ScalarType | None = None
    stack: list[ScalarType] = field(default_factory=list)
    added: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    first_arm: tuple[set[int], set[int]] | None = None
    puts: set[int] = field(default_factory=set)
    loads: dict[int, int] = field(default_factory=dict)
    carry_puts: set[int] = field(default_factory=set)
    carry_gets: dict[int, int] = field(default_factory=dict)


class Structure(Struct, frozen=True):
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
    missing = [f.name for i, f in enumerate(kernel.fields) if i not in checker.given]
    if missing:
        text = f"the field '{missing[0]}' is never given"
        raise refuse(Rule.RECORD, text, kernel.name, len(kernel.code))
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
        self.given: set[int] = set()
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
            raise refuse(Rule.STACK, f"needs {expected.with_article}, but the stack is empty")
        found = stack.pop()
        if found is not expected:
            text = f"needs {expected.with_article}, found {found.with_article}"
            raise refuse(Rule.STACK, text)

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
            if slot not in self.frame.lost:
                self.frame.added.add(slot)

    def unassign(self, slots: set[int]) -> None:
        gone = slots & self.assigned
        self.assigned -= gone
        self.frame.lost |= gone - self.frame.added
        self.frame.added -= gone

    def restore(self, frame: Frame) -> None:
        """Back to what was assigned at the beginning of a region."""
        self.assigned -= frame.added
        self.assigned |= frame.lost

    def need_assigned(self, slot: int) -> None:
        if slot not in self.assigned:
            what = f"array {slot - ARRAY_SLOT}" if slot >= ARRAY_SLOT else f"local {slot}"
            raise refuse(Rule.ASSIGNED, f"{what} may be read before it is assigned")

    # Regions.

    def enter(self, instruction: Instruction) -> None:
        region = self.regions[self.position]
        self.enter_rules(instruction)
        frame = Frame(region, body_result(instruction))
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
        frame.first_arm = (frame.added, frame.lost - self.assigned)
        self.restore(frame)
        frame.added, frame.lost = set(), set()

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
        missing = frame.lost - self.assigned
        self.restore(frame)
        if region.op is Op.IF:
            first_added, first_missing = frame.first_arm or (set(), set())
            self.unassign(missing | first_missing)
            for slot in first_added & frame.added:
                self.assign(slot)
        else:
            self.unassign(frame.lost | set(own_locals(start)))
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
            elif op is Op.OWN:
                self.at_own_pixel(op, index)
            elif op is Op.GIVE:
                self.give(index)
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
        self.refuse_input(index)
        if self.reduces:
            raise refuse(Rule.PUT, "`put` stands in a reduction")
        self.at_own_pixel(Op.PUT, index).puts.add(index)

    def at_own_pixel(self, op: Op, index: int) -> Frame:
        """The map or scan over the extents of the image."""
        image = self.kernel.images[index]
        loop = self.pixel_loop
        if loop is None or loop.region is None:
            raise refuse(Rule.PUT, f"`{op.mnemonic}` stands outside map and scan")
        width, height = self.kernel.code[loop.region.start].immediates[-2:]
        assert isinstance(width, int)
        assert isinstance(height, int)
        wanted = (self.bases[image.width], self.bases[image.height])
        if wanted != (self.bases[width], self.bases[height]):
            raise refuse(Rule.PUT, f"'{image.name}' has other extents than the loop")
        return loop

    def give(self, field: int) -> None:
        if len(self.frames) > 1:
            raise refuse(Rule.RECORD, "`give` stands in a region")
        if field in self.given:
            name = self.kernel.fields[field].name
            raise refuse(Rule.RECORD, f"the field '{name}' is given twice")
        self.given.add(field)

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
            if down == 0 and ahead >= 0:  # above the line it is never
                raise refuse(Rule.CARRY, f"({ahead}, {down}) is not yet gone by")
            loop.carry_gets.setdefault(carry, self.position)
