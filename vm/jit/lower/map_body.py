"""A map's body for many pixels at once: lanes are neighbours on a line.

All pixels that lanes see lie side by side in memory, so reads and writes are those of one vector.
The line's middle alone is done so, where no border matters; stores never leave it, loads stay in
the image.

Where channels are treated alike (`vm.jit.lower.channels`) a line is all its channels one after the
other, and every one is a pixel: neighbours lie as many places apart as there are channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from vm.jit.lower import images, narrow
from vm.jit.lower.lane_body import HANDLERS as LANE_HANDLERS
from vm.jit.lower.lanes import TOO_MUCH, LaneBody, NotVector, Source
from vm.jit.lower.lookups import table_values
from vm.jit.lower.regions import forget, number, pixel_local
from vm.jit.lower.state import Buffer, Lowering, PixelLoop
from vm.jit.lower.value import Affine, Value, constant
from vm.jit.lower.wave_plan import kept_channels, touched_images
from vm.limits import AXIS_PIXELS
from vm.module import Border, Instruction
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier.dimensions import bases_of
from vm.verifier.regions import Region

I32, BOOL = ScalarType.I32, ScalarType.BOOL
READS = frozenset({Op.OWN, Op.LOAD, Op.LOAD_OR})


SCALAR_FROM = 3  # at this level of blinding maps are scalar
REGISTERS_A_VALUE = 4  # at most, for pixels of the largest type
BODY_INSTRUCTIONS = 2_000  # of LLVM, in one vector's body
MAP_INSTRUCTIONS = 10_000  # of LLVM, in all maps of a kernel that have vectors: three seconds


def map_lanes(low: Lowering, region: Region) -> int:
    """As many as the target has for maps, or fewer where pixels are so large that a value fills
    many registers. Where the code of a first attempt was refused, half as many move all of it.

    Raises `NotVector`.
    """
    target = low.target
    if target is None:
        raise NotVector(low.why_scalar)
    if low.map_instructions > MAP_INSTRUCTIONS:
        raise NotVector(TOO_MUCH)
    if low.blind == SCALAR_FROM:
        raise NotVector("its code is being hidden")
    sizes = [low.images[image].type.size_bytes for image in touched_images(low, region)]
    lanes = min(target.map_lanes, REGISTERS_A_VALUE * target.bytes // max(sizes, default=1))
    return lanes // 2 if low.blind == 1 else lanes


class MapBody(LaneBody):
    """One vector of a map's line: `x` is that of the first lane, `y` of all (i64 operands).

    With `channels` that are treated alike, x counts them.
    """

    compares_bytes = True

    def __init__(self, low: Lowering, region: Region, lanes: int, channels: int = 1) -> None:
        x_local, y_local = (number(low.kernel.code[region.start], which) for which in range(2))
        super().__init__(low, lanes, narrow.map_ranges(low, region, (x_local, y_local)))
        self.region = region
        self.channels = channels
        self.x_local, self.y_local = x_local, y_local
        self.kept = kept_channels(low, region)
        self.x = self.y = "0"
        self.sources: set[Source] = set()  # what lanes saw so far
        self.elsewhere: set[int] = set()  # images of which all lanes saw one pixel
        code = low.kernel.code[region.start + 1 : region.end]
        self.written = {number(step, 0) for step in code if step.op is Op.PUT}
        if any(step.op in READS and number(step, 0) in self.written for step in code):
            # the last vector of a line may cover pixels that are done: again must give the same
            raise NotVector("an image is both read and written")

    @property
    def shape(self) -> str:
        """What a line is done in, for people."""
        return f"{self.lanes} {'pixels' if self.channels == 1 else 'channels'} at a time"

    def numbers(self, first: int) -> Value:
        """first, first + 1 … by lane."""
        listed = ", ".join(f"i32 {first + lane}" for lane in range(self.lanes))
        return Value(I32, f"<{listed}>", low=first, high=first + self.lanes, lanes=self.lanes)

    def line_buffer(self, image: int) -> Buffer:
        """An image as these lines see it: of one channel."""
        buffer = self.low.images[image]
        if self.channels == 1:
            return buffer
        width = self.low.build.value(f"mul i64 {buffer.width}, {self.channels}")
        return replace(buffer, channels=1, width=width)

    def pixel(self, source: Source, channel: int) -> Value:
        """Neighbours in an image."""
        low, build, buffer = self.low, self.low.build, self.line_buffer(source.image)
        self.sources.add(source)
        ahead = source.ahead * self.channels
        x = build.value(f"add i64 {self.x}, {ahead}") if ahead else self.x
        y = build.value(f"add i64 {self.y}, {source.down}") if source.down else self.y
        if source.border is not Border.INSIDE:
            at = Value(I32, wide=y, affine=Affine(1, source.down))
            y = images.line_of(low, source.border, source.image, at)
        address = images.place(low, buffer, x, y, 0)
        made = low.make(buffer.type, "", Value(I32, lanes=self.lanes))
        size = buffer.type.size_bytes
        text = f"load {made.kind}, ptr {address}, align {size}{buffer.alias}"
        return replace(made, text=build.value(text))

    def earlier(self, carry: int, ahead: int, down: int) -> Value:
        """Maps carry nothing."""
        raise NotVector("it carries something")

    def has(self, ahead: int, down: int) -> Value:
        """Maps carry nothing."""
        raise NotVector("it carries something")

    def is_inside(self, at: Value, size: str) -> Value:
        """Columns always are: the line's middle keeps clear of the edges."""
        if at.lanes:
            return constant(BOOL, 1)
        return self.low.instruction(BOOL, f"icmp ult i64 {self.low.wide(at)}, {size}")

    def beside(self, image: int, x: Value, y: Value, border: Border) -> Source | None:
        """Lanes look side by side, at x plus a constant and y plus a constant."""
        if not x.lanes and not y.lanes:
            self.elsewhere.add(image)
            return None
        if x.affine is None or y.affine is None or (x.affine.axis, y.affine.axis) != (0, 1):
            raise NotVector("a pixel is read elsewhere than at constant distances")
        if border is not Border.INSIDE and not images.keeps_clear(self.low, image, x):
            raise NotVector("images of several widths are read through borders")
        return Source(image, x.affine.offset, y.affine.offset, border)


def one_vector(body: MapBody, loop: PixelLoop, x: str, first: int | None) -> None:
    """The pixels from x (i64 operand) on, as many as there are lanes.

    If x is `first` and some times the number of lanes, what depends on its low bits alone is worked
    out of `first`: once a line.
    """
    low, before = body.low, body.low.build.count
    with low.build.sharing():
        walk_vector(body, loop, x, first)
    if low.build.count - before > BODY_INSTRUCTIONS:
        raise NotVector("it is too long for vectors")
    for (image, channel), value in body.put.items():
        if channel and body.channels > 1:  # it is a lane of the first
            continue
        buffer = body.line_buffer(image)
        value = low.spread(narrow.as_type(low, value, buffer.type), body.lanes)
        text, kind = images.as_written(low, image, value)
        images.store(low, buffer, images.place(low, buffer, x, loop.y, 0), text, kind)


def walk_vector(body: MapBody, loop: PixelLoop, x: str, first: int | None) -> None:
    """`one_vector`, but for what it writes: that is in `body.put`."""
    low, build, region = body.low, body.low.build, body.region
    body.x, body.y = x, loop.y
    forget(low, region.assigned)
    start = Value(I32, build.value(f"trunc i64 {x} to i32"))
    steps, start = body.numbers(0), low.spread(start, body.lanes)
    columns = low.instruction(I32, f"add {low.typed(start)}, {low.text(steps)}", steps)
    columns = replace(columns, affine=Affine(0, 0), low=0, high=AXIS_PIXELS - 1)
    periodic = None if first is None else body.numbers(first)
    low.locals[body.x_local] = replace(columns, periodic=periodic)
    low.locals[body.y_local] = pixel_local(low, loop.y, 1)
    low.pixel = loop
    body.put = {}
    for image, channel in body.kept:
        body.put[image, channel] = body.pixel(Source(image), channel)
    low.body(region.start + 1, region.end)


def refuse_much(low: Lowering, before: int) -> None:
    """Take note of a map that was written in vectors since there were so many instructions. Raises
    `NotVector` where a kernel has too much of it.
    """
    low.map_instructions += low.build.count - before
    if low.map_instructions > MAP_INSTRUCTIONS:
        raise NotVector(TOO_MUCH)


@contextmanager
def on_trial(body: MapBody) -> Iterator[PixelLoop]:
    """A place for vectors that are only looked at: what they write is forgotten."""
    low, handlers, stack = body.low, body.low.handlers, list(body.low.stack)
    mark, environment = low.build.mark(), low.environment()
    base = bases_of(low.kernel)[number(low.kernel.code[body.region.start], 2)]
    low.lane_body, low.handlers = body, {**handlers, **HANDLERS}
    try:
        yield PixelLoop("", "0", "0", base, clear_left=AXIS_PIXELS, clear_right=AXIS_PIXELS)
        if len(low.build.cold) > mark.cold:
            raise NotVector("it may trap")
    finally:
        low.build.rewind(mark)
        low.restore(environment)
        low.lane_body, low.handlers, low.stack = None, handlers, stack


def do_elem_get(low: Lowering, position: int, instruction: Instruction) -> None:
    """ELEM_GET: at one place for all lanes, or of a table."""
    index, body = low.stack[-1], low.lane_body
    assert body is not None
    if not index.lanes or index.raw is not None:
        body.outer[Op.ELEM_GET](low, position, instruction)
        return
    array = number(instruction, 0)
    if low.is_checked(position):
        raise NotVector("an array's index is not proved to be inside")
    low.push(table_values(low, array, low.pop()), position)


HANDLERS = {**LANE_HANDLERS, Op.ELEM_GET: do_elem_get}
