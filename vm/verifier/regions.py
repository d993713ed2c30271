"""Rule V8: where regions begin and end, and what each of them assigns. One pass, no types."""

from __future__ import annotations

from msgspec import Struct, field

from vm import limits
from vm.module import Instruction, Kernel
from vm.opcodes import LOOPS, REGIONS, Imm, Op
from vm.verifier.rules import Rule, refuse

LOOP_LOCALS = {
    op: tuple(i for i, kind in enumerate(op.immediates) if kind is Imm.LOCAL) for op in LOOPS
}
ARRAY_SLOT = limits.LOCALS  # slot numbers: locals first, then arrays


class Region(Struct):
    """A region of the code: start and end positions, `else` if any.

    `assigned` are the slots (locals, then ARRAY_SLOT + array) that code inside assigns, loop
    locals included; `killed` those of them whose value does not survive: loop locals, and
    whatever a map, scan or reduction inside assigns.
    """

    op: Op
    start: int
    end: int = -1
    otherwise: int | None = None
    assigned: set[int] = field(default_factory=set)
    killed: set[int] = field(default_factory=set)


def own_locals(instruction: Instruction) -> tuple[int, ...]:
    """The locals a loop instruction assigns itself."""
    slots = (instruction.immediates[i] for i in LOOP_LOCALS.get(instruction.op, ()))
    return tuple(slot for slot in slots if isinstance(slot, int))


def assigned_slot(instruction: Instruction) -> int | None:
    """The slot an ordinary instruction assigns."""
    target = instruction.immediates[0] if instruction.immediates else None
    if not isinstance(target, int):
        return None
    if instruction.op is Op.SET:
        return target
    if instruction.op in (Op.ARRAY_FILL, Op.ARRAY_COPY, Op.ELEM_SET):
        return ARRAY_SLOT + target
    return None


def find_regions(kernel: Kernel) -> dict[int, Region]:
    """Every region by its start. Raises `Invalid` (V8, V7)."""
    regions: dict[int, Region] = {}
    open_regions: list[Region] = []
    for position, instruction in enumerate(kernel.code):
        op = instruction.op
        if op in REGIONS:
            region = Region(op, position)
            regions[position] = region
            open_regions.append(region)
            if len(open_regions) > limits.NESTING:
                raise refuse(Rule.LIMITS, "regions nest too deeply", kernel.name, position)
            _assign_own(region, instruction)
        elif op is Op.ELSE:
            _otherwise(kernel, open_regions, position)
        elif op is Op.END:
            if not open_regions:
                raise refuse(Rule.REGIONS, "`end` closes nothing", kernel.name, position)
            _close(open_regions, position)
        elif open_regions:
            slot = assigned_slot(instruction)
            if slot is not None:
                open_regions[-1].assigned.add(slot)
    if open_regions:
        start = open_regions[-1].start
        raise refuse(Rule.REGIONS, "the region has no `end`", kernel.name, start)
    if len(regions) > limits.REGIONS:
        raise refuse(Rule.LIMITS, f"{len(regions)} regions", kernel.name)
    return regions


def _assign_own(region: Region, instruction: Instruction) -> None:
    region.assigned.update(own_locals(instruction))
    region.killed.update(own_locals(instruction))


def _otherwise(kernel: Kernel, open_regions: list[Region], position: int) -> None:
    region = open_regions[-1] if open_regions else None
    if region is None or region.op is not Op.IF or region.otherwise is not None:
        raise refuse(Rule.REGIONS, "`else` without its `if`", kernel.name, position)
    region.otherwise = position


def _close(open_regions: list[Region], position: int) -> None:
    region = open_regions.pop()
    region.end = position
    if region.op not in (Op.IF, Op.FOR):
        region.killed |= region.assigned
    if open_regions:
        open_regions[-1].assigned |= region.assigned
        open_regions[-1].killed |= region.killed
