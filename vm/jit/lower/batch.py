"""Many tasks at once: a kernel whose lanes are images of one size, or sets of parameters.

Where lines turn around, each pixel waits for the one before it, and one image has no two pixels
that could be computed side by side. Several images have: here a lane is an image, and a scan goes
through all of them in step. Tiles turn 16 rows of 16 images at a time, as a wavefront's do; what
is carried lies in the window as one vector a pixel.

The arena is planned by `vm.layout.plan_batch`: of every image as many as there are lanes. One more
argument follows the buffers' offsets, the number of tasks; further lanes repeat the last one.

Parameters in which tasks differ are constant vectors. An image that all tasks share is there once,
and is read once for all of them. Only kernels of scalars and scans have this form. What traps,
traps for all: the caller runs tasks one by one then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from vm.jit.builder import Phi
from vm.jit.lower import arrays, images, narrow, reductions, regions, row_tiles, tiles
from vm.jit.lower.lane_body import HANDLERS as LANE_HANDLERS
from vm.jit.lower.lanes import NotVector, Source
from vm.jit.lower.regions import counted, forget, number, pixel_local
from vm.jit.lower.state import Handler, Lowering
from vm.jit.lower.tile_body import TileBody
from vm.jit.lower.tiles import UNIT, Front, Tile
from vm.jit.lower.value import LLVM_TYPE, Value, constant, kind_of
from vm.jit.lower.wave_plan import kept_channels, lane_types, offsets_of, touched_images
from vm.layout import BATCH_GAP_BYTES, BATCH_STRIDE
from vm.module import Border, Instruction, Order, scan_extents
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier.regions import Region

I32, BOOL = ScalarType.I32, ScalarType.BOOL
RECENT_PIXELS = 4  # what was put on this line so few pixels ago stays in registers


@dataclass(frozen=True, slots=True)
class _Plan:
    """`recent`: how many pixels back each carry is kept in registers; `stored`: those that are
    looked at in the window too; `kept`: channels of written images that a pixel may leave alone.
    """

    lanes: int
    types: dict[int, ScalarType]
    ranges: dict[int, tuple[int, int]]
    recent: dict[int, int]
    stored: frozenset[int]
    kept: tuple[tuple[int, int], ...]


def _make_plan(low: Lowering, region: Region) -> _Plan:
    assert low.target is not None
    order = low.kernel.code[region.start].immediates[0]
    if order is Order.COLUMNS:
        raise NotVector("it runs down columns")
    offsets = offsets_of(low, region)
    types, ranges = lane_types(low, region, low.batch.ranges[region.start])
    lanes = low.batch.lanes
    near = {(c, a) for c, a, down in offsets if down == 0 and -a <= RECENT_PIXELS}
    recent = {c: max(-a for other, a in near if other == c) for c, _ in near}
    stored = {c for c, a, down in offsets if down or (c, a) not in near}
    return _Plan(lanes, types, ranges, recent, frozenset(stored), kept_channels(low, region))


class Batch(TileBody):
    """One scan of many images being lowered; operands of the running line and pixel are i64."""

    def __init__(self, low: Lowering, region: Region, plan: _Plan) -> None:
        super().__init__(low, plan.lanes, plan.ranges)
        self.region = region
        self.plan = plan
        instruction = low.kernel.code[region.start]
        order = instruction.immediates[0]
        assert isinstance(order, Order)
        self.first_direction = order.direction
        self.length, self.count = (
            low.wide(low.dimensions[index]) for index in scan_extents(instruction)
        )
        steps = tiles.steps_of(low, touched_images(low, region))
        self.front = Front(plan.lanes, 0, 1, self.length, steps, order.direction)
        self.line = self.row = self.direction = self.place = "0"
        self.lines: dict[tuple[int, int], str] = {}
        self.recent: dict[int, list[str]] = {}

    def pixel(self, source: Source, channel: int) -> Value:
        """The same pixel of every image, or the one that all tasks share."""
        is_shared = source.image in self.low.batch.shared
        return self._shared_pixel(source, channel) if is_shared else super().pixel(source, channel)

    def _shared_pixel(self, source: Source, channel: int) -> Value:
        low, buffer = self.low, self.low.images[source.image]
        address = images.place(low, buffer, self.place, self.row, channel)
        return low.spread(images.load(low, buffer, address), self.lanes)

    def earlier(self, carry: int, ahead: int, down: int) -> Value:
        """From registers or the window."""
        scalar, low = self.plan.types[carry], self.low
        if down == 0 and -ahead <= self.plan.recent.get(carry, 0):
            made = low.make(scalar, self.recent[carry][-ahead - 1])
            return replace(made, lanes=self.lanes, late=ahead == -1)
        address = self.address(carry, down, self.along(ahead))
        kind = kind_of(scalar, self.lanes)
        name = low.build.value(f"load {kind}, ptr {address}, align 16")
        return replace(low.make(scalar, name), lanes=self.lanes)

    def along(self, ahead: int) -> str:
        """The place `ahead` along the direction of travel."""
        build = self.low.build
        moved = build.value(f"mul i64 {self.direction}, {ahead}")
        return build.value(f"add i64 {self.place}, {moved}")

    def address(self, carry: int, down: int, place: str) -> str:
        """Of the vector at a place on a line of the window."""
        at = self.low.build.value(f"mul i64 {place}, {self.lanes}")
        kind = LLVM_TYPE[self.plan.types[carry]]
        return self.low.build.value(
            f"getelementptr {kind}, ptr {self.lines[carry, down]}, i64 {at}"
        )

    def has(self, ahead: int, down: int) -> Value:
        """The same for all images."""
        low = self.low
        on_line = low.build.value(f"icmp ult i64 {self.along(ahead)}, {self.length}")
        above = low.build.value(f"icmp uge i64 {self.line}, {-down}")
        return low.instruction(BOOL, f"and i1 {on_line}, {above}")

    def is_inside(self, at: Value, size: str) -> Value:
        """By an unsigned comparison: negative coordinates are large."""
        return self.low.instruction(BOOL, f"icmp ult i64 {self.low.wide(at)}, {size}")

    def beside(self, image: int, x: Value, y: Value, border: Border) -> Source | None:
        """At constant distances, if every task has an image of its own."""
        if image in self.low.batch.shared:
            if x.lanes or y.lanes:
                raise NotVector("a shared image is read at places that differ from task to task")
            return None
        if x.affine is None or y.affine is None or (x.affine.axis, y.affine.axis) != (0, 1):
            raise NotVector("a pixel is read elsewhere than at constant distances")
        return Source(image, x.affine.offset, y.affine.offset, border)


def do_scan(low: Lowering, position: int, instruction: Instruction) -> None:
    """SCAN of as many images as there are lanes."""
    region, flag = low.regions[position], low.pop()
    if flag.lanes:
        raise NotVector("tasks differ in whether lines turn around")
    body = Batch(low, region, _make_plan(low, region))
    handlers = low.handlers
    low.lane_body, low.handlers = body, {**low.handlers, **LANE_HANDLERS}
    forget(low, region.assigned)
    _try(body)
    for carry in sorted(body.plan.stored):
        _clear_window(body, carry)
    counted(low, body.count, lambda line: _line(body, line, flag))
    forget(low, region.assigned)
    low.lane_body, low.handlers, low.pixel = None, handlers, None


def _try(body: Batch) -> None:
    """Walk the body once, to see which tiles are needed."""
    low = body.low
    mark, environment = low.build.mark(), low.environment()
    for carry, down in _looked_at(body):
        body.lines[carry, down] = "poison"
    body.recent = {carry: ["poison"] * count for carry, count in body.plan.recent.items()}
    _pixel(body, "0")
    body.refuse_long(low.build.count - mark.count)
    if len(low.build.cold) > mark.cold:
        raise NotVector("it may trap")
    low.build.rewind(mark)
    low.restore(environment)


def _looked_at(body: Batch) -> set[tuple[int, int]]:
    """(carry, down) of every line of a window that is read or written."""
    offsets = offsets_of(body.low, body.region)
    found = {(carry, down) for carry, _, down in offsets if carry in body.plan.stored}
    return found | {(carry, 0) for carry in body.plan.stored}


def _line_elements(body: Batch, carry: int) -> str:
    """Elements from one line of a window to the next."""
    build, reach = body.low.build, body.low.facts.reaches[carry][0]
    places = build.value(f"add i64 {body.length}, {2 * reach.reach}")
    return build.value(f"mul i64 {places}, {body.lanes}")


def _clear_window(body: Batch, carry: int) -> None:
    low, reach = body.low, body.low.facts.reaches[carry][0]
    buffer = low.carries[carry]
    assert buffer is not None
    each = (reach.lines + 1) * body.plan.types[carry].size_bytes
    size = low.build.value(f"mul i64 {_line_elements(body, carry)}, {each}")
    images.zero_bytes(low, buffer.pointer, size)


def _place_lines(body: Batch, line: str) -> None:
    """Pointers to place 0 of every line of the windows that is looked at."""
    low, build = body.low, body.low.build
    for carry, down in sorted(_looked_at(body)):
        buffer, reach = low.carries[carry], low.facts.reaches[carry][0]
        assert buffer is not None
        moved = build.value(f"add i64 {line}, {reach.lines + 1 + down}")
        slot = build.value(f"urem i64 {moved}, {reach.lines + 1}")
        start = build.value(f"mul i64 {slot}, {_line_elements(body, carry)}")
        at = build.value(f"add i64 {start}, {reach.reach * body.lanes}")
        kind = LLVM_TYPE[body.plan.types[carry]]
        pointer = build.value(f"getelementptr {kind}, ptr {buffer.pointer}, i64 {at}")
        body.lines[carry, down] = pointer


def _line(body: Batch, line: str, flag: Value) -> None:
    """One line of every image."""
    low, build = body.low, body.low.build
    body.line = line
    y = line
    if body.first_direction < 0:
        last = build.value(f"sub i64 {body.count}, 1")
        y = build.value(f"sub i64 {last}, {line}")
    body.row = y
    body.direction = str(body.first_direction)
    if flag.raw != 0:
        turned = build.value(f"trunc i64 {line} to i1")
        if flag.raw is None:
            turned = build.value(f"and i1 {turned}, {low.text(flag)}")
        first = body.first_direction
        body.direction = build.value(f"select i1 {turned}, i64 {-first}, i64 {first}")
    y_local = number(low.kernel.code[body.region.start], 3)
    low.locals[y_local] = pixel_local(low, y, 1)
    for tile in [*body.sources.values(), *body.targets.values()]:
        _place_rows(body, tile, y)
    _place_lines(body, line)
    steps = body.front.steps
    whole = build.value(f"add i64 {body.length}, {steps - 1}")
    blocks = build.value(f"udiv i64 {whole}, {steps}")
    zeros = {
        carry: [low.text(replace(constant(body.plan.types[carry], 0), lanes=body.lanes))] * count
        for carry, count in body.plan.recent.items()
    }
    _travelling(body, zeros, blocks, lambda block: _block(body, block, blocks))


def _travelling(
    body: Batch, recent: Mapping[int, list[str]], count: str, act: Callable[[str], None]
) -> None:
    """A loop over 0 .. count - 1 (count >= 1) with what was put recently in registers."""
    build = body.low.build
    before, head, after = build.block, build.label(), build.label()
    build.jump(head)
    build.start(head)
    index = build.phi("i64")
    index.add("0", before)
    phis: dict[int, list[Phi]] = {}
    for carry, values in sorted(recent.items()):
        kind = kind_of(body.plan.types[carry], body.lanes)
        phis[carry] = [build.phi(kind) for _ in values]
        for phi, value in zip(phis[carry], values, strict=True):
            phi.add(value, before)
    body.recent = {carry: [phi.name for phi in each] for carry, each in phis.items()}
    act(index.name)
    following = build.value(f"add i64 {index.name}, 1")
    index.add(following, build.block)
    for carry, each in phis.items():
        for phi, value in zip(each, body.recent[carry], strict=True):
            phi.add(value, build.block)
    more = build.value(f"icmp ult i64 {following}, {count}")
    build.emit(f"br i1 {more}, label %{head}, label %{after}, !llvm.loop !1")
    build.start(after)


def _block(body: Batch, block: str, blocks: str) -> None:
    """Some pixels of a line: from tiles, to tiles. Lines that go back begin at the right."""
    low, build = body.low, body.low.build
    last = build.value(f"sub i64 {blocks}, 1")
    mirrored = build.value(f"sub i64 {last}, {block}")
    forth = build.value(f"icmp sgt i64 {body.direction}, 0")
    which = build.value(f"select i1 {forth}, i64 {block}, i64 {mirrored}")
    first = build.value(f"mul i64 {which}, {body.front.steps}")
    left = build.value(f"sub i64 {body.length}, {first}")
    full = build.value(f"icmp ugt i64 {left}, {body.front.steps}")
    count = build.value(f"select i1 {full}, i64 {body.front.steps}, i64 {left}")
    rounded = build.value(f"and i64 {build.value(f'add i64 {count}, {UNIT - 1}')}, {-UNIT}")
    for tile in body.sources.values():
        row_tiles.fill(low, body.front, tile, first, rounded)
    end = build.value(f"sub i64 {count}, 1")

    def pixel(step: str) -> None:
        back = build.value(f"sub i64 {end}, {step}")
        body.tile_step = build.value(f"select i1 {forth}, i64 {step}, i64 {back}")
        _pixel(body, build.value(f"add i64 {first}, {body.tile_step}"))

    _travelling(body, body.recent, count, pixel)
    for tile in body.targets.values():
        row_tiles.flush(low, body.front, tile, first, rounded, low.batch.count)


def _place_rows(body: Batch, tile: Tile, y: str) -> None:
    """Where the line begins in each image."""
    low, build, source = body.low, body.low.build, tile.source
    buffer = low.images[source.image]
    y = tiles.seen_row(low, source, y)
    width = build.value(f"mul i64 {buffer.width}, {buffer.channels}")
    start = build.value(f"mul i64 {y}, {width}")
    apart = batch_stride(low, source.image)
    last = build.value(f"sub i64 {low.batch.count}, 1")

    def lane(k: str) -> None:
        there = build.value(f"icmp ult i64 {k}, {low.batch.count}")
        which = build.value(f"select i1 {there}, i64 {k}, i64 {last}")
        moved = build.value(f"mul i64 {which}, {apart}")
        slot = build.value(f"getelementptr i64, ptr {tile.starts}, i64 {k}")
        build.emit(f"store i64 {build.value(f'add i64 {moved}, {start}')}, ptr {slot}, align 8")

    build.repeat("0", str(body.lanes), lane)


def batch_stride(low: Lowering, image: int) -> str:
    """Elements from one task's image to the next's."""
    build, buffer = low.build, low.images[image]
    pixels = build.value(f"mul i64 {buffer.width}, {buffer.height}")
    count = build.value(f"mul i64 {pixels}, {buffer.channels}")
    more = build.value(f"add i64 {count}, {BATCH_STRIDE - 1}")
    whole = build.value(f"and i64 {more}, {-BATCH_STRIDE}")
    return build.value(f"add i64 {whole}, {BATCH_GAP_BYTES // buffer.type.size_bytes}")


def _pixel(body: Batch, place: str) -> None:
    """One pixel of every image."""
    low, region = body.low, body.region
    body.place = place
    _, d_local, x_local, y_local, _, _ = low.kernel.code[region.start].immediates
    assert isinstance(d_local, int)
    assert isinstance(x_local, int)
    assert isinstance(y_local, int)
    y = low.locals[y_local] or pixel_local(low, "0", 1)
    forget(low, region.assigned)
    low.locals[d_local] = low.coordinate(body.direction, -1, 1)
    low.locals[x_local], low.locals[y_local] = pixel_local(low, place, 0), y
    body.put, body.carried = {}, {}
    for image, channel in body.plan.kept:
        body.put[image, channel] = body.pixel(Source(image), channel)
    low.body(region.start + 1, region.end)
    forget(low, region.assigned)
    low.locals[y_local] = y
    body.write_put()
    for carry, value in body.carried.items():
        if carry in body.plan.types:
            _remember(body, carry, value)


def _remember(body: Batch, carry: int, value: Value) -> None:
    low, scalar = body.low, body.plan.types[carry]
    if body.plan.ranges:
        value = narrow.as_type(low, value, scalar)
    kept = low.spread(value, body.lanes)
    if carry in body.recent:
        body.recent[carry] = [low.text(kept), *body.recent[carry][:-1]]
    if carry in body.plan.stored:
        address = body.address(carry, 0, body.place)
        low.build.emit(f"store {low.typed(kept)}, ptr {address}, align 16")


def _refuse(low: Lowering, position: int, instruction: Instruction) -> None:
    raise NotVector("besides scans and scalars it has other loops over pixels, or memory")


def _do_shared(low: Lowering, position: int, instruction: Instruction) -> None:
    """LOAD, LOAD_OR of an image that all tasks share, in a scan's body."""
    if low.lane_body is None:
        _refuse(low, position, instruction)
    images.HANDLERS[instruction.op](low, position, instruction)


def _uniform(handler: Handler) -> Handler:
    """The handler of what branches or counts: by what is the same for all tasks."""

    def handle(low: Lowering, position: int, instruction: Instruction) -> None:
        if any(value.lanes for value in low.stack[-len(instruction.op.pops) :]):
            raise NotVector("a condition or a loop's end differs from task to task")
        handler(low, position, instruction)

    return handle


def _do_array(low: Lowering, position: int, instruction: Instruction) -> None:
    """ELEM_SET, ARRAY_FILL: arrays in memory have no room for a value of each task."""
    array, operands = number(instruction, 0), low.stack[-len(instruction.op.pops) :]
    index = operands[0] if instruction.op is Op.ELEM_SET else None
    in_memory = not arrays.is_scalar(low, array) and any(value.lanes for value in operands)
    if in_memory or (index is not None and index.lanes):
        raise NotVector("tasks differ in an array that lies in memory, or in an index")
    arrays.HANDLERS[instruction.op](low, position, instruction)


def do_parameter(low: Lowering, position: int, instruction: Instruction) -> None:
    """PARAMETER: a constant, or one a lane."""
    index = number(instruction, 0)
    low.push(low.batch.parameter(low.kernel.parameters[index].type, index, 0))


def do_elem_get(low: Lowering, position: int, instruction: Instruction) -> None:
    """ELEM_GET: of an array of parameters in which tasks differ, at a known index."""
    array, index = low.kernel.arrays[number(instruction, 0)], low.stack[-1]
    if index.lanes:
        raise NotVector("an index differs from task to task")
    if array.parameter is None or not low.batch.differs(array.parameter):
        arrays.HANDLERS[Op.ELEM_GET](low, position, instruction)
        return
    if index.raw is None or not 0 <= index.raw < array.length:
        raise NotVector("an array in which tasks differ is indexed by a value that is not known")
    low.pop()
    low.push(low.batch.parameter(array.type, array.parameter, index.raw))


HANDLERS: Mapping[Op, Handler] = MappingProxyType(
    {
        Op.SCAN: do_scan,
        Op.PARAMETER: do_parameter,
        Op.ELEM_GET: do_elem_get,
        Op.IF: _uniform(regions.do_if),
        Op.FOR: _uniform(regions.do_for),
        Op.REDUCE: _uniform(reductions.do_reduce),
        **dict.fromkeys((Op.ELEM_SET, Op.ARRAY_FILL), _do_array),
        **dict.fromkeys((Op.LOAD, Op.LOAD_OR), _do_shared),
        **dict.fromkeys(
            (Op.MAP, Op.REDUCE_2D, Op.GIVE, Op.CLEAR, Op.STORE, Op.STORE_DROP), _refuse
        ),
    }
)
