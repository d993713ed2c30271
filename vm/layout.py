"""Where buffers lie in the arena: one plan for the parent, the native code and the price.

Buffers are the images in the kernel's order (rows contiguous, channels interleaved, no row
padding), then one per carry, then the record, if there is one. Each starts at a multiple of 64
bytes and has 256 bytes of padding on each side, so that a vector load that reaches past a row
stays inside the arena.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from vm.module import Kernel

ALIGNMENT_BYTES = 64
PADDING_BYTES = 256
BATCH_STRIDE = 64  # images of a batch have room for a multiple of so many elements, and lie this
BATCH_GAP_BYTES = 9 * 64  # apart: else the same pixels of all would share one set of a cache
WAVE_MARGIN = 256  # elements
FIELD_BYTES = 8  # each field of the record lies at the beginning of eight bytes
OVERHEAD_BYTES = ALIGNMENT_BYTES + 2 * PADDING_BYTES  # an upper bound on what a buffer adds


class Reach(Struct, frozen=True):
    """How far a kernel's scans look back at one carry.

    `lines` counts earlier lines (0: only this one); offsets ahead lie in [-behind, ahead].
    """

    lines: int
    behind: int
    ahead: int

    @property
    def reach(self) -> int:
        """Elements looked at beside a line's ends, in either direction of travel."""
        return max(self.behind, self.ahead)

    @property
    def margin(self) -> int:
        """Elements of zero kept at each end of a line: enough in both directions of travel, and
        for lanes of a wavefront that are beside the image.
        """
        return self.reach + (WAVE_MARGIN if self.lines else 0)


class Layout(Struct, frozen=True):
    """Byte offsets of all buffers in the arena, their sizes, and the arena's size."""

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    total: int


def carry_bytes(kernel: Kernel, carry: int, reach: Reach, length: int) -> int:
    """Bytes of one carry's window: `lines` + 1 lines with a margin at both ends."""
    return (reach.lines + 1) * (length + 2 * reach.margin) * kernel.carries[carry].type.size_bytes


def plan(
    kernel: Kernel,
    reaches: Mapping[int, tuple[Reach, tuple[int, ...]]],
    dimensions: Sequence[int],
) -> Layout:
    """The layout for these dimensions.

    `reaches` gives for each carry that is used its reach and the dimensions that are the lengths
    of lines of the scans that use it; unused carries take no room.
    """
    sizes = [
        dimensions[image.width] * dimensions[image.height] * image.channels * image.type.size_bytes
        for image in kernel.images
    ]
    for carry in range(len(kernel.carries)):
        if carry in reaches:
            reach, lengths = reaches[carry]
            length = max(dimensions[index] for index in lengths)
            sizes.append(carry_bytes(kernel, carry, reach, length))
        else:
            sizes.append(0)
    if kernel.fields:
        sizes.append(len(kernel.fields) * FIELD_BYTES)
    return _placed(sizes)


def plan_batch(
    kernel: Kernel,
    reaches: Mapping[int, tuple[Reach, tuple[int, ...]]],
    dimensions: Sequence[int],
    lanes: int,
) -> Layout:
    """The layout of an arena for so many tasks of these dimensions at once.

    Each image is there `lanes` times, `batch_bytes` apart; windows hold one vector a pixel.
    """
    sizes = [lanes * batch_bytes(kernel, index, dimensions) for index in range(len(kernel.images))]
    for carry in range(len(kernel.carries)):
        reach, lengths = reaches.get(carry, (Reach(0, 0, 0), ()))
        length = max((dimensions[index] for index in lengths), default=0)
        places = (reach.lines + 1) * (length + 2 * reach.reach) if lengths else 0
        sizes.append(places * lanes * kernel.carries[carry].type.size_bytes)
    return _placed(sizes)


def batch_bytes(kernel: Kernel, image: int, dimensions: Sequence[int]) -> int:
    """Bytes from one task's image to the next's in an arena for many."""
    declared = kernel.images[image]
    elements = dimensions[declared.width] * dimensions[declared.height] * declared.channels
    return (elements + -elements % BATCH_STRIDE) * declared.type.size_bytes + BATCH_GAP_BYTES


def _placed(sizes: list[int]) -> Layout:
    offsets = []
    position = 0
    for size in sizes:
        position += PADDING_BYTES
        position += -position % ALIGNMENT_BYTES
        offsets.append(position)
        position += size + PADDING_BYTES
    return Layout(tuple(offsets), tuple(sizes), position)
