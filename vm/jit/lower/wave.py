"""The state of a wavefront while it is lowered: what lanes see, and what they saw before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vm.jit.lower import images, integers
from vm.jit.lower.lanes import NotVector, Source
from vm.jit.lower.state import Lowering
from vm.jit.lower.tile_body import TileBody
from vm.jit.lower.tiles import UNIT, Front
from vm.jit.lower.value import LLVM_TYPE, Value, constant, kind_of
from vm.jit.lower.wave_plan import Plan
from vm.module import Border, Order, TrapCode, scan_extents
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier.regions import Region

I32, BOOL = ScalarType.I32, ScalarType.BOOL
HARMLESS = {TrapCode.NARROW, TrapCode.DIVISION, TrapCode.PIXEL, TrapCode.REQUIRE}

Line = tuple[int, int]  # (carry, down)


@dataclass(slots=True)
class History:
    """What one line's worth of lanes put in the last steps, by (carry, down).

    For down 0 it is what the lanes themselves put, for down -n what the lanes n lines above did.
    The newest `kept` are in registers, newest first; where there are more, all of them are in
    memory too: `entries` before those of this block.
    """

    carry: int
    down: int
    entries: int
    kept: int
    memory: str
    recent: list[str] = field(default_factory=list)


class Wave(TileBody):
    """One scan being lowered as a wavefront."""

    def __init__(self, low: Lowering, region: Region, plan: Plan) -> None:
        super().__init__(low, plan.lanes, plan.ranges)
        self.region = region
        self.plan = plan
        instruction = low.kernel.code[region.start]
        order = instruction.immediates[0]
        assert isinstance(order, Order)
        length, count = (low.wide(low.dimensions[i]) for i in scan_extents(instruction))
        self.length, self.count = length, count
        rows_on = plan.lanes * order.direction
        self.front = Front(
            plan.lanes,
            plan.skew,
            order.direction,
            length,
            plan.steps,
            rows_on,
            order.is_vertical,
        )
        self.step = self.time = ""
        self.is_edge = True
        self.trapped = ""  # memory of one bit a lane, if the body may trap
        self.inside = self.exists = Value(BOOL, "poison", lanes=plan.lanes)
        self.x = self.y = self.places = self.lines = Value(I32, "poison", lanes=plan.lanes)
        self.histories = {
            (carry, down): self._new_history(carry, down, entries)
            for (carry, down), entries in plan.histories.items()
        }

    def _new_history(self, carry: int, down: int, entries: int) -> History:
        scalar = self.plan.types[carry]
        if self.plan.in_registers:
            return History(carry, down, entries, entries, "")
        total = (entries + UNIT) * self.lanes
        kind = f"[{total} x {LLVM_TYPE[scalar]}]"
        memory = self.scratch(kind, total * scalar.size_bytes)
        return History(carry, down, entries, 1, memory)

    # What the body asks for.

    def earlier(self, carry: int, ahead: int, down: int) -> Value:
        """It lies ahead + skew · down steps back."""
        back = -(ahead + self.plan.skew * down)
        history, low = self.histories[carry, down], self.low
        scalar = self.plan.types[carry]
        if back <= history.kept:
            return replace(low.make(scalar, history.recent[back - 1], self.x), late=back == 1)
        at = low.build.value(f"add i64 {self.step}, {history.entries - back}")
        return self.load_history(history, at)

    def has(self, ahead: int, down: int) -> Value:
        """Whether the place is on a line that exists, and on that line."""
        low, places, lines = self.low, self.places, self.lines
        there = low.instruction(I32, f"add {low.typed(places)}, {places.filled(ahead)}", places)
        on_line = self.is_inside(there, self.length)
        text = f"icmp sge {low.typed(lines)}, {lines.filled(-down)}"
        above = low.instruction(BOOL, text, lines)
        text = f"and {low.typed(on_line)}, {low.text(above)}"
        return low.instruction(BOOL, text, on_line, above)

    def is_inside(self, at: Value, size: str) -> Value:
        """By an unsigned comparison: negative coordinates are large."""
        low, limit = self.low, spread_index(self, size)
        return low.instruction(BOOL, f"icmp ult {low.typed(at)}, {low.text(limit)}", at)

    def beside(self, image: int, x: Value, y: Value, border: Border) -> Source | None:
        """At constant distances from the running pixel, or the same for all lanes."""
        if not x.lanes and not y.lanes:
            return None
        if x.affine is None or y.affine is None or (x.affine.axis, y.affine.axis) != (0, 1):
            raise NotVector("a pixel is read elsewhere than at constant distances")
        return Source(image, x.affine.offset, y.affine.offset, border)

    def entry(self, history: History, at: str) -> str:
        scalar = self.plan.types[history.carry]
        place = self.low.build.value(f"mul i64 {at}, {self.lanes}")
        return self.low.build.value(
            f"getelementptr {LLVM_TYPE[scalar]}, ptr {history.memory}, i64 {place}"
        )

    def load_history(self, history: History, at: str) -> Value:
        scalar = self.plan.types[history.carry]
        text = f"load {kind_of(scalar, self.lanes)}, ptr {self.entry(history, at)}, align 16"
        return self.low.instruction(scalar, text, self.x)

    def trap_unless(self, ok: Value, trap: TrapCode) -> None:
        """Note lanes that would trap: the scan is then run again, line by line, to trap in order.

        Until then lanes go on; so only traps behind which values are harmless can be noted.
        """
        low, bits = self.low, f"i{self.lanes}"
        if trap not in HARMLESS:
            raise NotVector("an array's index is not proved to be inside, or a range to hold any")
        if self.plan.is_changed:
            raise NotVector("it may trap, and reads pixels that it writes")
        if not self.trapped:
            self.trapped = self.scratch(bits, self.lanes // 8)
        wrong = integers.invert(low, low.spread(ok, self.lanes))
        for other in (self.mask, self.inside if self.is_edge else None, self.exists):
            if other is not None:
                a, b = low.alike(wrong, other)
                wrong = low.instruction(BOOL, f"and {low.typed(a)}, {low.text(b)}", a, b)
        now = low.build.value(f"bitcast {low.typed(wrong)} to {bits}")
        before = low.build.value(f"load {bits}, ptr {self.trapped}, align 8")
        both = low.build.value(f"or {bits} {before}, {now}")
        low.build.emit(f"store {bits} {both}, ptr {self.trapped}, align 8")

    # The rows above a band, in the carry's window.

    def above(self, carry: int, lines: int, place: str) -> str:
        """The address of a place on a line above the band."""
        low = self.low
        buffer, reach = low.carries[carry], low.facts.reaches[carry][0]
        assert buffer is not None
        stride = low.build.value(f"add i64 {self.length}, {2 * reach.margin}")
        start = low.build.value(f"mul i64 {stride}, {lines - 1}")
        at = low.build.value(f"add i64 {start}, {reach.margin}")
        at = low.build.value(f"add i64 {at}, {place}")
        kind = LLVM_TYPE[self.plan.types[carry]]
        return low.build.value(f"getelementptr {kind}, ptr {buffer.pointer}, i64 {at}")

    def entering(self, carry: int, down: int, time: str) -> list[Value]:
        """For the first lanes: what lines above the band put, that is history at `time`."""
        low = self.low
        buffer = low.carries[carry]
        assert buffer is not None
        buffer = replace(buffer, type=self.plan.types[carry])
        found = []
        for lane in range(-down):
            lines = -(lane + down)
            place = low.build.value(f"add i64 {time}, {self.plan.skew * lines}")
            found.append(images.load(low, buffer, self.above(carry, lines, place)))
        return found

    def handed_down(self, value: Value, down: int, first: list[Value]) -> Value:
        """Every lane has what the lane -down above put; the first lanes have `first`."""
        low, count = self.low, self.lanes
        kind = value.kind
        outside = f"{kind} poison"
        for lane, each in enumerate(first):
            text = f"insertelement {outside}, {low.typed(each)}, i64 {lane}"
            outside = f"{kind} {low.build.value(text)}"
        mask = [*(count + lane for lane in range(-down)), *range(count + down)]
        picked = ", ".join(f"i32 {index}" for index in mask)
        text = f"shufflevector {low.typed(value)}, {outside}, <{count} x i32> <{picked}>"
        return replace(low.instruction(value.type, text, value), low=value.low, high=value.high)


# Vectors of numbers.


def numbers(wave: Wave, factor: int) -> Value:
    """0, factor, 2 · factor … by lane."""
    listed = ", ".join(f"i32 {factor * lane}" for lane in range(wave.lanes))
    return Value(I32, f"<{listed}>", lanes=wave.lanes)


def spread_index(wave: Wave, text: str) -> Value:
    """An i64 operand below 2^31 as an i32 in every lane."""
    narrow = wave.low.build.value(f"trunc i64 {text} to i32")
    return wave.low.spread(Value(I32, narrow), wave.lanes)


def added(wave: Wave, a: Value, b: Value) -> Value:
    """The sum of two vectors of coordinates: it never leaves their type."""
    low = wave.low
    return low.instruction(I32, f"add {low.typed(a)}, {low.text(b)}", a, b)


def lane_lines(wave: Wave, first: str) -> Value:
    """The line number of each lane, in visiting order, kept to lines that exist."""
    last = spread_index(wave, wave.low.build.value(f"sub i64 {wave.count}, 1"))
    lines = added(wave, spread_index(wave, first), numbers(wave, 1))
    return integers.extreme(wave.low, Op.MIN, lines, last)


def existing(wave: Wave, first: str) -> Value:
    """Whether each lane's line is one of the image."""
    low, count = wave.low, spread_index(wave, wave.count)
    lines = added(wave, spread_index(wave, first), numbers(wave, 1))
    return low.instruction(BOOL, f"icmp ult {low.typed(lines)}, {low.text(count)}", lines)


# History, between steps.


def enter_band(wave: Wave, history: History) -> list[str]:
    """History before the first step: zeros, and what the lines above the band put."""
    low, carry, down = wave.low, history.carry, history.down
    scalar = wave.plan.types[carry]
    recent = []
    for back in range(1, history.entries + 1):
        value = replace(constant(scalar, 0), lanes=wave.lanes)
        if down:
            value = wave.handed_down(value, down, wave.entering(carry, down, str(-back)))
        if history.memory:
            address = wave.entry(history, str(history.entries - back))
            low.build.emit(f"store {low.typed(value)}, ptr {address}, align 16")
        recent.append(low.text(value))
    return recent[: history.kept]


def move_history(wave: Wave, history: History) -> None:
    """The last entries become the first of the next block."""
    for back in range(history.entries if history.memory else 0, 0, -1):
        value = wave.load_history(history, str(UNIT + history.entries - back))
        address = wave.entry(history, str(history.entries - back))
        wave.low.build.emit(f"store {wave.low.typed(value)}, ptr {address}, align 16")
