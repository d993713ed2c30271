"""`scan`: pixels in order, with what earlier pixels put.

A carry's window in the arena holds the lines that are still looked at, with a margin of zeros at
both ends, so that no read needs a test. What was put a few pixels ago on the same line is kept
in registers; of an earlier line only the most advanced value is read, the others are what it
was one, two … pixels ago. Line n, in visiting order, lies in slot n mod (lines + 1).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vm.jit.builder import Phi
from vm.jit.lower import images, wavefront
from vm.jit.lower.regions import counted, forget, number, pixel_local
from vm.jit.lower.state import Buffer, Lowering, PixelLoop, ScanLine
from vm.jit.lower.value import LLVM_TYPE, Value, constant
from vm.layout import Reach
from vm.module import Instruction, Order, scan_extents
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier.dimensions import bases_of
from vm.verifier.regions import Region

RECENT_PIXELS = 4  # puts of this line that stay in registers
ROTATED_SPAN = 8  # a line looked at over a wider span is read anew at every offset

Offset = tuple[int, int, int]  # carry, ahead, down


@dataclass(slots=True)
class Group:
    """The offsets at which one earlier line of a carry is looked at, from register to register."""

    carry: int
    down: int
    first: int  # ahead offsets first..=last; the last is read, the others rotate
    last: int
    phis: dict[int, Phi] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Uses:
    """What a scan does with carries."""

    put: tuple[int, ...]
    recent: dict[int, int]  # carry: how many pixels back in registers
    groups: tuple[tuple[int, int, int, int], ...]  # carry, down, first, last
    single: frozenset[Offset]  # read from memory, each on its own
    stored: frozenset[int]  # carries that go to memory at all


def find_uses(low: Lowering, region: Region) -> Uses:
    """What the scan looks at, by the text of its body."""
    offsets: set[Offset] = set()
    put: list[int] = []
    for instruction in low.kernel.code[region.start : region.end]:
        if instruction.op is Op.CARRY_GET:
            offsets.add((number(instruction, 0), number(instruction, 1), number(instruction, 2)))
        elif instruction.op is Op.CARRY_PUT:
            put.append(number(instruction, 0))
    near = {o for o in offsets if o[2] == 0 and -o[1] <= RECENT_PIXELS}
    recent = {carry: max(-a for c, a, _ in near if c == carry) for carry, _, _ in near}
    groups, single = [], {o for o in offsets - near if o[2] == 0}
    lines = {(carry, down) for carry, _, down in offsets if down < 0}
    for carry, down in sorted(lines):
        aheads = sorted(a for c, a, d in offsets if (c, d) == (carry, down))
        if aheads[-1] - aheads[0] <= ROTATED_SPAN:
            groups.append((carry, down, aheads[0], aheads[-1]))
        else:
            single |= {(carry, a, down) for a in aheads}
    stored = {c for c, _, _ in single} | {group[0] for group in groups}
    return Uses(tuple(put), recent, tuple(groups), frozenset(single), frozenset(stored))


def do_scan(low: Lowering, position: int, instruction: Instruction) -> None:
    """SCAN in any order, forth or forth and back."""
    region, flag = low.regions[position], low.pop()
    low.forms[position], trapped = wavefront.lower_scan(low, position, instruction, flag)
    is_scalar = low.forms[position].name != wavefront.NAME
    if is_scalar:
        _do_scalar(low, region, instruction, flag)
    elif trapped:
        again, done = low.build.label(), low.build.label()
        low.build.branch(trapped, again, done)
        low.build.start(again)
        _do_scalar(low, region, instruction, flag)
        low.build.jump(done)
        low.build.start(done)


def _do_scalar(low: Lowering, region: Region, instruction: Instruction, flag: Value) -> None:
    """Line by line, pixel by pixel."""
    order = instruction.immediates[0]
    assert isinstance(order, Order)
    length, count = (low.wide(low.dimensions[index]) for index in scan_extents(instruction))
    uses = find_uses(low, region)
    for carry in sorted(uses.stored):
        _zero_window(low, carry, length)
    forget(low, region.assigned)

    def line(number: str) -> None:
        across = number
        if order is Order.REVERSE:
            last = low.build.value(f"sub i64 {count}, 1")
            across = low.build.value(f"sub i64 {last}, {number}")
        scan = ScanLine(order.direction, number, length, stored=uses.stored)
        across_local = pixel_local(low, across, 0 if order.is_vertical else 1)
        if flag.raw == 0:
            _line(low, region, uses, scan, across_local)
            return
        build = low.build
        turned = build.value(f"trunc i64 {number} to i1")
        if flag.raw is None:
            turned = build.value(f"and i1 {turned}, {low.text(flag)}")
        back, forth, done = build.label(), build.label(), build.label()
        build.branch(turned, back, forth)
        for label, direction in ((forth, order.direction), (back, -order.direction)):
            build.start(label)
            scan = ScanLine(direction, number, length, stored=uses.stored)
            _line(low, region, uses, scan, across_local)
            build.jump(done)
        build.start(done)

    counted(low, count, line)
    forget(low, region.assigned)
    low.pixel = low.scan = None


def _window(low: Lowering, carry: int) -> tuple[Buffer, Reach]:
    buffer = low.carries[carry]
    assert buffer is not None
    return buffer, low.facts.reaches[carry][0]


def _stride(low: Lowering, carry: int, length: str) -> str:
    """Elements from one line's slot to the next."""
    return low.build.value(f"add i64 {length}, {2 * _window(low, carry)[1].margin}")


def _zero_window(low: Lowering, carry: int, length: str) -> None:
    buffer, reach = _window(low, carry)
    each = (reach.lines + 1) * buffer.type.size_bytes
    size = low.build.value(f"mul i64 {_stride(low, carry, length)}, {each}")
    images.zero_bytes(low, buffer.pointer, size)


def _slots(low: Lowering, uses: Uses, scan: ScanLine) -> dict[tuple[int, int], str]:
    """Pointers to place 0 of every line that is looked at or put, by (carry, down)."""
    build = low.build
    wanted = {(carry, 0) for carry in uses.stored}
    wanted |= {(group[0], group[1]) for group in uses.groups}
    wanted |= {(carry, down) for carry, _, down in uses.single}
    pointers = {}
    for carry, down in sorted(wanted):
        buffer, reach = _window(low, carry)
        count = reach.lines + 1
        moved = build.value(f"add i64 {scan.number}, {count + down}")
        slot = build.value(f"urem i64 {moved}, {count}")
        start = build.value(f"mul i64 {slot}, {_stride(low, carry, scan.length)}")
        at = build.value(f"add i64 {start}, {reach.margin}")
        kind = LLVM_TYPE[buffer.type]
        pointers[carry, down] = build.value(f"getelementptr {kind}, ptr {buffer.pointer}, i64 {at}")
    return pointers


def _read(low: Lowering, scan: ScanLine, offset: Offset, place: str) -> Value:
    """A carried value from its window: place + ahead · direction of its line."""
    carry, ahead, down = offset
    buffer = _window(low, carry)[0]
    at = low.build.value(f"add i64 {place}, {ahead * scan.direction}")
    pointer = scan.lines[carry, down]
    kind = LLVM_TYPE[buffer.type]
    address = low.build.value(f"getelementptr {kind}, ptr {pointer}, i64 {at}")
    return images.load(low, buffer, address)


def _line(low: Lowering, region: Region, uses: Uses, scan: ScanLine, across: Value) -> None:
    """One line in one direction; `across` is the coordinate that stays."""
    build = low.build
    scan.lines = _slots(low, uses, scan)
    start = "0" if scan.direction > 0 else build.value(f"sub i64 {scan.length}, 1")
    groups = [Group(*group) for group in uses.groups]
    initial = {
        (g.carry, a, g.down): _read(low, scan, (g.carry, a, g.down), start)
        for g in groups
        for a in range(g.first, g.last)
    }
    before, head, after = build.block, build.label(), build.label()
    build.jump(head)
    build.start(head)
    at = build.phi("i64")
    at.add(start, before)
    phis = _line_phis(low, uses, scan, groups, initial, before)
    for g in groups:
        offset = (g.carry, g.last, g.down)
        scan.known[offset] = _read(low, scan, offset, at.name)
    scan.at = at.name
    _run_pixel(low, region, scan, across)
    following = build.value(f"add i64 {at.name}, {scan.direction}")
    at.add(following, build.block)
    for (carry, ahead, down), phi in phis.items():
        just_put = (ahead, down) == (-1, 0)
        moved = scan.put[carry] if just_put else scan.known[carry, ahead + 1, down]
        phi.add(low.text(moved), build.block)
    test = f"ult i64 {following}, {scan.length}"  # backwards: below 0 is large
    build.branch(build.value(f"icmp {test}"), head, after)
    build.start(after)


def _line_phis(
    low: Lowering,
    uses: Uses,
    scan: ScanLine,
    groups: list[Group],
    initial: dict[Offset, Value],
    before: str,
) -> dict[Offset, Phi]:
    """Registers that travel with the pixel: the line's recent puts and the rotating reads."""
    phis: dict[Offset, Phi] = {}
    for carry, count in sorted(uses.recent.items()):
        scalar = low.kernel.carries[carry].type
        for back in range(1, count + 1):
            phi = low.build.phi(LLVM_TYPE[scalar])
            phi.add(low.text(constant(scalar, 0)), before)
            phis[carry, -back, 0] = phi
            value = low.make(scalar, phi.name)
            scan.known[carry, -back, 0] = _as_late(value)
    for group in groups:
        scalar = low.kernel.carries[group.carry].type
        for ahead in range(group.first, group.last):
            offset = (group.carry, ahead, group.down)
            phi = low.build.phi(LLVM_TYPE[scalar])
            phi.add(low.text(initial[offset]), before)
            phis[offset] = phi
            scan.known[offset] = low.make(scalar, phi.name)
    return phis


def _as_late(value: Value) -> Value:
    return Value(value.type, value.text, low=value.low, high=value.high, late=True)


def _run_pixel(low: Lowering, region: Region, scan: ScanLine, across: Value) -> None:
    instruction = low.kernel.code[region.start]
    order, d_local, x_local, y_local, width, _ = instruction.immediates
    assert isinstance(order, Order)
    forget(low, region.assigned)
    along = pixel_local(low, scan.at, 1 if order.is_vertical else 0)
    x, y = (across, along) if order.is_vertical else (along, across)
    for local, value in (
        (d_local, constant(ScalarType.I32, scan.direction)),
        (x_local, x),
        (y_local, y),
    ):
        assert isinstance(local, int)
        low.locals[local] = value
    assert isinstance(width, int)
    width_text, base = low.wide(low.dimensions[width]), bases_of(low.kernel)[width]
    low.pixel = PixelLoop(low.wide(x), low.wide(y), width_text, base)
    low.scan = scan
    low.body(region.start + 1, region.end)
    forget(low, region.assigned)


def do_carry_get(low: Lowering, position: int, instruction: Instruction) -> None:
    """CARRY_GET."""
    assert low.scan is not None
    offset = (number(instruction, 0), number(instruction, 1), number(instruction, 2))
    value = low.scan.known.get(offset)
    if value is None:
        value = _read(low, low.scan, offset, low.scan.at)
    low.push(value, position)


def do_carry_put(low: Lowering, position: int, instruction: Instruction) -> None:
    """CARRY_PUT."""
    scan = low.scan
    assert scan is not None
    carry, value = number(instruction, 0), low.pop()
    scan.put[carry] = value
    if carry not in scan.stored:
        return
    buffer = _window(low, carry)[0]
    kind = LLVM_TYPE[buffer.type]
    address = low.build.value(f"getelementptr {kind}, ptr {scan.lines[carry, 0]}, i64 {scan.at}")
    images.store(low, buffer, address, low.text(value), kind)


def do_carry_has(low: Lowering, position: int, instruction: Instruction) -> None:
    """CARRY_HAS: whether the place is inside the image."""
    scan, build = low.scan, low.build
    assert scan is not None
    ahead, down = number(instruction, 0), number(instruction, 1)
    tests: list[Value] = []
    if ahead:
        at = build.value(f"add i64 {scan.at}, {ahead * scan.direction}")
        tests.append(low.instruction(ScalarType.BOOL, f"icmp ult i64 {at}, {scan.length}"))
    if down:
        tests.append(low.instruction(ScalarType.BOOL, f"icmp uge i64 {scan.number}, {-down}"))
    if len(tests) == 2:
        text = f"and i1 {tests[0].text}, {tests[1].text}"
        tests = [low.instruction(ScalarType.BOOL, text)]
    low.push(tests[0] if tests else constant(ScalarType.BOOL, 1), position)


HANDLERS = {
    Op.SCAN: do_scan,
    Op.CARRY_GET: do_carry_get,
    Op.CARRY_PUT: do_carry_put,
    Op.CARRY_HAS: do_carry_has,
}
