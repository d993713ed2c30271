"""Which images must be zeroed before a kernel starts, so that no earlier pixel is ever seen.

An image need not be cleared if the first thing at top level that touches it is a map or scan
over its extents that puts every channel directly in its body, at every pixel, and does not ask
for what was there (`own`).
"""

from __future__ import annotations

from vm.module import Kernel, Role
from vm.opcodes import PIXEL_LOOPS, Op
from vm.verifier.regions import Region

TOUCHES = frozenset({Op.LOAD, Op.LOAD_OR, Op.PUT, Op.STORE, Op.STORE_DROP, Op.CLEAR, Op.OWN})


def find_cleared(kernel: Kernel, regions: dict[int, Region]) -> frozenset[int]:
    """Indices of the out and local images that must be zeroed at the start."""
    undecided = {index for index, image in enumerate(kernel.images) if image.role is not Role.IN}
    cleared: set[int] = set()
    position = 0
    while position < len(kernel.code):
        region = regions.get(position)
        end = region.end if region is not None else position
        touched = _touched(kernel, position, end) & undecided
        filled = _filled(kernel, regions, region) if region is not None else set()
        cleared |= touched - filled
        undecided -= touched
        position = end + 1
    untouched = {i for i in undecided if kernel.images[i].role is Role.OUT}
    return frozenset(cleared | untouched)


def _touched(kernel: Kernel, start: int, end: int) -> set[int]:
    indices = (
        instruction.immediates[0]
        for instruction in kernel.code[start : end + 1]
        if instruction.op in TOUCHES
    )
    return {index for index in indices if isinstance(index, int)}


def _filled(kernel: Kernel, regions: dict[int, Region], region: Region) -> set[int]:
    """The images whose every channel a map or scan puts unconditionally."""
    if region.op not in PIXEL_LOOPS:
        return set()
    channels: dict[int, set[int]] = {}
    position = region.start + 1
    while position < region.end:
        instruction = kernel.code[position]
        if position in regions:
            position = regions[position].end + 1
            continue
        if instruction.op is Op.PUT:
            index, channel = instruction.immediates
            assert isinstance(index, int)
            assert isinstance(channel, int)
            channels.setdefault(index, set()).add(channel)
        position += 1
    full = {index for index, put in channels.items() if len(put) == kernel.images[index].channels}
    return full - _owned(kernel, region)


def _owned(kernel: Kernel, region: Region) -> set[int]:
    """The images whose own pixel is read in a region."""
    inside = kernel.code[region.start : region.end]
    indices = (each.immediates[0] for each in inside if each.op is Op.OWN)
    return {index for index in indices if isinstance(index, int)}
