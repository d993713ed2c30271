"""What lowering knows while it walks the code: the stack, locals, arrays, buffers, the scan.

The walk is a symbolic execution. Locals, and local arrays whose every index is known, are
values in an environment and become SSA directly; regions add phis for what they assign. Arrays
that meet an index unknown at compile time are noted in `demoted`, and the walk is repeated with
them in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vm.errors import Crash
from vm.jit import trapword
from vm.jit.builder import Builder
from vm.jit.lower.value import (
    LLVM_TYPE,
    Affine,
    Span,
    Value,
    bounded,
    constant,
    kind_of,
    literal,
    signed,
    spread_literal,
)
from vm.module import Border, Instruction, Kernel, TrapCode
from vm.opcodes import Op
from vm.parameters import ParameterValues
from vm.types import ScalarType
from vm.verifier.regions import Region
from vm.verifier.verified import Facts

if TYPE_CHECKING:
    from vm.jit.lower.lanes import LaneBody

BLINDING_KEYS = (0, 0x6B8F_35D1_9AC7_E44D, 0x3D71_A6E9_5C13_B88B, 0x57E3_9C4D_2BB5_716A)
BLINDED_FROM = (0, 16, 1, 1)  # smaller magnitudes are left alone: they are everywhere

SUM_LANES = 16

Elements = list[Value]
Handler = Callable[["Lowering", int, Instruction], None]


@dataclass(frozen=True, slots=True)
class Buffer:
    """An image or a carry's window in the arena: pointer, extents (i64), alias metadata.

    With a `ring`, an i64 mask of line numbers, lines lie in a few places in turn.
    """

    pointer: str
    type: ScalarType
    channels: int
    width: str
    height: str
    alias: str
    ring: str = ""


@dataclass(frozen=True, slots=True)
class VectorTarget:
    """What vector code is written for: the lanes of a wavefront or a map, and the
    processor's registers.
    """

    lanes: int
    narrow_lanes: int
    map_lanes: int
    bytes: int
    registers: int


@dataclass(slots=True)
class BatchTasks:
    """Tasks that are lanes: each has its parameters; `shared` images are the same for all.

    `count` is their number at run time (i64 operand), `ranges` the intervals that hold in each scan
    for all of them, by its position, if lanes are narrow there.
    """

    lanes: int
    sets: tuple[ParameterValues, ...]
    shared: frozenset[int]
    ranges: dict[int, dict[int, tuple[int, int]] | None] = field(default_factory=dict)
    count: str = ""

    def differs(self, index: int) -> bool:
        """Whether tasks differ in a parameter."""
        return any(values[index] != self.sets[0][index] for values in self.sets)

    def parameter(self, scalar: ScalarType, index: int, element: int) -> Value:
        """An element of a parameter, one a lane; the last task is that of all further lanes."""
        raws = [values[index][element] for values in self.sets]
        if not self.differs(index):
            return constant(scalar, raws[0])
        raws += [raws[-1]] * (self.lanes - len(raws))
        listed = ", ".join(f"{LLVM_TYPE[scalar]} {literal(scalar, raw)}" for raw in raws)
        low, high = (0, 0) if scalar.is_float else (min(raws), max(raws))
        return Value(scalar, f"<{listed}>", low=low, high=high, lanes=self.lanes)


NO_BATCH = BatchTasks(0, (), frozenset())
VECTOR_TARGETS = {
    "x86-64-v2": VectorTarget(16, 32, 16, 16, 16),
    "x86-64-v3": VectorTarget(32, 32, 32, 32, 16),
    "x86-64-v4": VectorTarget(64, 64, 32, 64, 32),
}


@dataclass(frozen=True, slots=True)
class Form:
    """What a loop over pixels became: "scalar", "wavefront", "map"; and why, or of which shape."""

    name: str
    why: str = ""


LineFold = tuple[Border, int, str]  # border, offset from y, height of the image (i64 operand)


@dataclass(slots=True)
class Asked:
    """What a trial walk found of reads through borders: how far beside x, and of which lines."""

    left: int = 0
    right: int = 0
    lines: dict[LineFold, None] = field(default_factory=dict)


@dataclass(slots=True)
class PixelLoop:
    """The innermost map or scan: the pixel (i64 names), and what x is known to keep free of.

    `clear_left`, `clear_right`: pixels that are surely inside on either side of x; `lines`: line
    numbers behind a border, worked out once a line. `asked` is there on a trial walk.
    """

    x: str
    y: str
    width: str
    width_base: tuple[int, int]
    clear_left: int = 0
    clear_right: int = 0
    lines: dict[LineFold, str] = field(default_factory=dict)
    asked: Asked | None = None


@dataclass(slots=True)
class ScanLine:
    """A line of a scan being walked in one direction; keys are (carry, ahead, down).

    `number`, `length` and `at` are i64 operands.
    """

    direction: int
    number: str = ""  # of the line, in visiting order
    length: str = ""
    at: str = ""  # the place on the line
    lines: dict[tuple[int, int], str] = field(default_factory=dict)  # (carry, down): pointer
    known: dict[tuple[int, int, int], Value] = field(default_factory=dict)
    put: dict[int, Value] = field(default_factory=dict)
    stored: frozenset[int] = frozenset()


class Lowering:
    """The state of one walk over one kernel."""

    def __init__(
        self,
        kernel: Kernel,
        facts: Facts,
        parameters: ParameterValues,
        regions: Mapping[int, Region],
        handlers: Mapping[Op, Handler],
        blind: int,
        in_memory: frozenset[int],
        checked: bool,
        target: VectorTarget | None,
    ) -> None:
        self.kernel = kernel
        self.facts = facts
        self.parameters = parameters
        self.regions = regions
        self.handlers = handlers
        self.blind = blind
        self.in_memory = in_memory
        self.checked = checked
        self.target = target
        self.why_scalar = ""  # if there is no target
        self.forms: dict[int, Form] = {}
        self.fused: set[int] = set()  # maps to come that are written already
        self.image_spans: dict[int, Span | None] = {}
        self.late_writes: dict[tuple[int, int], bool] = {}
        self.batch: BatchTasks = NO_BATCH
        self.demoted: set[int] = set()
        self.walked = 0
        self.build = Builder()
        self.stack: list[Value] = []
        self.locals: list[Value | None] = [None] * len(kernel.locals)
        self.arrays: list[Elements | None] = [None] * len(kernel.arrays)
        self.dimensions: list[Value] = []
        self.images: list[Buffer] = []
        self.carries: list[Buffer | None] = []
        self.record = self.record_alias = ""
        self.array_pointers: dict[int, str] = {}
        self.free_lanes: dict[ScalarType, list[str]] = {}
        self.pixel: PixelLoop | None = None
        self.scan: ScanLine | None = None
        self.lane_body: LaneBody | None = None
        self.vector_stack_bytes = self.vector_instructions = self.map_instructions = 0
        self._blinded: dict[tuple[ScalarType, int], str] = {}
        self._hidden: dict[tuple[ScalarType, int, int], str] = {}
        self._key = ""
        self._zero = ""

    # Walking.

    def walk(self, start: int, end: int) -> None:
        """Lower the instructions start..end - 1 (whole regions)."""
        code = self.kernel.code
        position = start
        while position < end:
            instruction = code[position]
            self.walked += 1
            self.handlers[instruction.op](self, position, instruction)
            region = self.regions.get(position)
            position = region.end + 1 if region is not None else position + 1

    def body(self, start: int, end: int) -> list[Value]:
        """Lower a region's body on a stack of its own; gives what it leaves."""
        outer, self.stack = self.stack, []
        self.walk(start, end)
        inner, self.stack = self.stack, outer
        return inner

    # The stack.

    def pop(self) -> Value:
        """The top of the stack."""
        return self.stack.pop()

    def push(self, value: Value, position: int | None = None) -> None:
        """Push; the verifier's interval for the instruction narrows the value's bounds."""
        if position is not None and not value.is_constant:
            proved = self.facts.ranges.get(position)
            if proved is not None and (proved[0] > value.low or proved[1] < value.high):
                low, high = max(value.low, proved[0]), min(value.high, proved[1])
                value = replace(value, low=low, high=high)
        self.stack.append(value)

    # Making values.

    def make(self, scalar: ScalarType, text: str, *sources: Value) -> Value:
        """An LLVM value of the type; late, or of several lanes, if a source is."""
        low, high = bounded(scalar)
        late = any(source.late for source in sources)
        lanes = max((source.lanes for source in sources), default=0)
        return Value(scalar, text, low=low, high=high, late=late, lanes=lanes)

    def alike(self, *values: Value) -> tuple[Value, ...]:
        """The same values, all of as many lanes as the widest has."""
        lanes = max(value.lanes for value in values)
        types = {value.type for value in values}
        if ScalarType.I16 in types and ScalarType.I32 in types:  # narrow lanes meet wide ones
            values = tuple(self._widened(value) for value in values)
        return tuple(self.spread(value, lanes) for value in values)

    def _widened(self, value: Value) -> Value:
        if value.type is not ScalarType.I16:
            return value
        text = value.text
        if value.raw is None:
            wide = kind_of(ScalarType.I32, value.lanes)
            text = self.build.value(f"sext {self.typed(value)} to {wide}")
        return replace(value, type=ScalarType.I32, text=text, split=None)

    def spread(self, value: Value, lanes: int) -> Value:
        """A scalar in every lane; a vector as it is."""
        if value.lanes == lanes:
            return value
        if value.raw is not None:
            return replace(value, lanes=lanes)
        text = self._spread_text(value.type, value.text, lanes, self.build.value)
        made = replace(value, text=text, lanes=lanes, wide=None, split=None)
        return replace(made, periodic=made)

    def _spread_text(
        self, scalar: ScalarType, text: str, lanes: int, emit: Callable[[str], str]
    ) -> str:
        vector = kind_of(scalar, lanes)
        first = emit(f"insertelement {vector} poison, {LLVM_TYPE[scalar]} {text}, i64 0")
        return emit(
            f"shufflevector {vector} {first}, {vector} poison, <{lanes} x i32> zeroinitializer"
        )

    def instruction(self, scalar: ScalarType, text: str, *sources: Value) -> Value:
        """Emit one instruction and give its result."""
        return self.make(scalar, self.build.value(text), *sources)

    def coordinate(self, wide: str, low: int, high: int, affine: Affine | None = None) -> Value:
        """An i32 that is born as an i64, such as a loop variable."""
        narrow = self.build.value(f"trunc i64 {wide} to i32")
        return Value(ScalarType.I32, narrow, wide=wide, low=low, high=high, affine=affine)

    def text(self, value: Value) -> str:
        """The value as an operand, without its type."""
        if value.raw is None:
            return value.text
        pattern = signed(value.raw, 64) if not value.type.is_float else value.raw
        if not self.blind or abs(pattern) < BLINDED_FROM[self.blind] or value.type.is_bool:
            return self._literal(value)
        text = self._blinded_text(value.type, value.raw)
        if not value.lanes:
            return text
        return self.spread(replace(value, raw=None, text=text, lanes=0), value.lanes).text

    def _literal(self, value: Value) -> str:
        assert value.raw is not None
        text = literal(value.type, value.raw)
        return spread_literal(LLVM_TYPE[value.type], text) if value.lanes else text

    def typed(self, value: Value) -> str:
        """The value as an operand with its type."""
        return f"{value.kind} {self.text(value)}"

    def wide(self, value: Value) -> str:
        """An i32 as a sign-extended i64 operand."""
        if value.raw is not None:
            return self.text(replace(value, type=ScalarType.I64))
        if value.wide is not None:
            return value.wide
        extend = "zext" if value.low >= 0 else "sext"
        return self.build.value(f"{extend} i32 {value.text} to i64")

    def has_wide(self, *values: Value) -> bool:
        """Whether all have an i64 form already, and one is no constant."""
        return all(v.wide is not None or v.is_constant for v in values) and any(
            v.wide is not None for v in values
        )

    # Hiding: constants as (constant ^ key) ^ key, where LLVM cannot know the second key.

    def key(self, bits: int) -> str:
        """The blinding key as an LLVM value."""
        if not self._key:
            key = signed(BLINDING_KEYS[self.blind], 64)
            self._key = self.build.at_entry(f"add i64 {self.hidden_zero()}, {key}")
        if bits == 64:
            return self._key
        return self.build.at_entry(f"trunc i64 {self._key} to i{bits}")

    def hidden_zero(self) -> str:
        """An i64 that is always 0, which LLVM cannot know: addresses in use are below 2^63."""
        if not self._zero:
            address = self.build.at_entry("ptrtoint ptr %args to i64")
            self._zero = self.build.at_entry(f"lshr i64 {address}, 63")
        return self._zero

    def hidden(self, value: Value) -> str:
        """An integer constant as an operand that LLVM takes for a variable."""
        assert value.raw is not None
        if value.raw == 0:
            return self.text(value)
        key = value.type, value.raw, value.lanes
        if key not in self._hidden:
            kind, scalar = LLVM_TYPE[value.type], replace(value, lanes=0)
            zero = self.hidden_zero()
            if value.type.bits < 64:
                zero = self.build.at_entry(f"trunc i64 {zero} to {kind}")
            made = self.build.at_entry(f"add {kind} {zero}, {self.text(scalar)}")
            if value.lanes:
                made = self._spread_text(value.type, made, value.lanes, self.build.at_entry)
            self._hidden[key] = made
        return self._hidden[key]

    def blinded_raw(self, raw: int, bits: int) -> int:
        """The pattern that stands for `raw` in code or data."""
        return signed(raw ^ BLINDING_KEYS[self.blind], bits)

    def _blinded_text(self, scalar: ScalarType, raw: int) -> str:
        if (scalar, raw) not in self._blinded:
            bits = scalar.bits
            made = self.build.at_entry(
                f"xor i{bits} {self.blinded_raw(raw, bits)}, {self.key(bits)}"
            )
            if scalar.is_float:
                made = self.build.at_entry(f"bitcast i{bits} {made} to {LLVM_TYPE[scalar]}")
            self._blinded[scalar, raw] = made
        return self._blinded[scalar, raw]

    # Traps.

    def is_checked(self, position: int) -> bool:
        """Whether the instruction keeps its check."""
        if position in self.facts.checked:
            return True
        if position not in self.facts.proved:
            raise Crash(f"instruction {position} was never judged")
        return False

    def keeps_wrap_check(self, position: int) -> bool:
        """Whether signed arithmetic there must be watched: this is a checked run, and unproved."""
        return self.checked and position not in self.facts.exact

    def guard(self, ok: Value, trap: TrapCode, position: int) -> None:
        """Trap unless `ok`, in every lane."""
        if ok.raw == 1:
            return
        if self.lane_body is not None:
            self.lane_body.trap_unless(ok, trap)
            return
        if ok.lanes:
            every = self.build.value(f"bitcast {self.typed(ok)} to i{ok.lanes}")
            ok = Value(ScalarType.BOOL, self.build.value(f"icmp eq i{ok.lanes} {every}, -1"))
        self.build.unlikely(self.text(ok), trapword.encode(trap, position))

    # Stack memory.

    def take_lanes(self, scalar: ScalarType) -> str:
        """Room for a float sum's lanes, to be given back to `free_lanes`: sums may nest."""
        free = self.free_lanes.setdefault(scalar, [])
        if free:
            return free.pop()
        return self.build.at_entry(f"alloca [{SUM_LANES} x {LLVM_TYPE[scalar]}], align 64")

    # Branches of the walk.

    def environment(self) -> tuple[list[Value | None], list[Elements | None]]:
        """A copy of locals and arrays."""
        return list(self.locals), [
            None if elements is None else list(elements) for elements in self.arrays
        ]

    def restore(self, saved: tuple[list[Value | None], list[Elements | None]]) -> None:
        """Put a copy back."""
        self.locals = list(saved[0])
        self.arrays = [None if elements is None else list(elements) for elements in saved[1]]


def zero(scalar: ScalarType) -> Value:
    """0 of the type."""
    return constant(scalar, 0)
