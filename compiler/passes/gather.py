"""Scatter to gather: what a scan adds to pixels to come is carried, and read by those pixels.

A tap adds to the pixel (ahead, down). Seen from there, the pixel that added lies at
(-ahead, -down), or at (ahead, -down) where it stands on a line that ran the other way: an odd
number of lines up in a serpentine. What is read is the sum of the contributions in the order in
which they were made, from +0 on: lines further up first; on one line the pixel further behind
first; within one pixel in program order. A contribution that was never made, or was made outside
of the image, is carried as 0, and adding 0 changes nothing.

If contributions are one value times loop-invariant weights, the value itself is carried once and
multiplied where it is read: integers with any weight, since 0 · w = 0; floats only with finite
constants, for the same reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import count

from msgspec import Struct, field
from msgspec.structs import replace

from compiler import ir, walk
from compiler.passes.errors import PassError
from compiler.passes.fold import folded
from vm.limits import CARRY_AHEAD, CARRY_LINES
from vm.opcodes import Op
from vm.types import ScalarType

BOOL = ScalarType.BOOL
Channel = tuple[ir.Rows, int]
Position = tuple[int, int]


class Site(Struct, frozen=True, eq=False):
    """One addition: where it stands, and its value as `base · weight` (no weight: base alone).

    `order` counts the additions of the scan in program order.
    """

    add: ir.AddRows
    order: int
    block: int
    conditional: bool
    in_loop: bool
    base: ir.Expr
    weight: ir.Expr | None


class Carried(Struct):
    """One carry: the register collected in, and the sites that feed it."""

    carry: ir.Register
    collected: ir.Register
    sites: list[Site] = field(default_factory=list)
    summed: bool = False

    @property
    def conditional(self) -> bool:
        """Whether a pixel may leave it at 0."""
        return self.summed or self.sites[0].conditional


def gather(kernel: ir.Kernel) -> ir.Kernel:
    """The kernel with rows replaced by carries. Raises `PassError` for what it cannot do."""
    return replace(kernel, body=_block(kernel.body))


def _block(block: ir.Block) -> ir.Block:
    result: list[ir.Statement] = []
    for statement in block:
        if isinstance(statement, ir.Scan):
            result += _ScanGatherer(statement).statements()
        else:
            inner = tuple(_block(part) for part in walk.blocks(statement))
            result.append(walk.with_blocks(statement, inner))
    return tuple(result)


class _ScanGatherer:
    def __init__(self, scan: ir.Scan) -> None:
        self.scan = scan
        self.assigned = walk.assigned_registers(scan.body) | set(walk.own_registers(scan))
        self.arrays = walk.written_arrays(scan.body)
        self.unstable = _carried_registers(scan.body)
        self.before: list[ir.Statement] = []
        self.orders = count()
        self.carried: dict[Channel, list[Carried]] = {}

    def statements(self) -> list[ir.Statement]:
        scan = self.scan
        sites = list(self.sites(scan.body, False, False))
        reads = _first_reads(scan.body)
        for channel in sorted(reads, key=lambda each: (each[0].name, each[1])):
            mine = [site for site in sites if (site.add.rows, site.add.channel) == channel]
            self.carried[channel] = self.grouped(channel, mine)
        head: list[ir.Statement] = []
        values: dict[Channel, ir.Register] = {}
        for channel, carried in self.carried.items():
            register = ir.Register(channel[0].type, channel[0].name)
            head.append(ir.Set(register, self.read(channel, carried), reads[channel]))
            values[channel] = register
        everything = [each for carried in self.carried.values() for each in carried]
        for each in everything:
            if each.conditional:
                zero = ir.constant(0, each.carry.type)
                head.append(ir.Set(each.collected, zero, scan.line))
        body = self.rewritten(scan.body, values)
        tail = [
            ir.PutCarry(each.carry, ir.Read(each.collected), each.sites[0].add.line)
            for each in everything
        ]
        return [*self.before, replace(scan, body=(*head, *body, *tail))]

    # Finding what is added.

    def sites(self, block: ir.Block, conditional: bool, in_loop: bool) -> Iterable[Site]:
        for statement in block:
            if isinstance(statement, ir.AddRows) and (statement.ahead, statement.down) != (0, 0):
                _check_reach(statement)
                base, weight = self.split(statement.value)
                order = next(self.orders)
                yield Site(statement, order, id(block), conditional, in_loop, base, weight)
            looped = in_loop or isinstance(statement, ir.For)
            for inner in walk.blocks(statement):
                yield from self.sites(inner, True, looped)

    def split(self, value: ir.Expr) -> tuple[ir.Expr, ir.Expr | None]:
        """`base · weight` with a weight that may be applied by the reader."""
        if isinstance(value, ir.Operation) and value.op is Op.MUL:
            left, right = value.arguments
            if self.is_weight(right):
                return left, right
            if self.is_weight(left):
                return right, left
        return value, None

    def is_weight(self, expr: ir.Expr) -> bool:
        if expr.type.is_float:
            return isinstance(expr, ir.Constant) and math.isfinite(expr.value)
        for node in walk.nodes(expr):
            if isinstance(node, ir.Read) and node.register in self.assigned:
                return False
            if isinstance(node, ir.Element) and node.array in self.arrays:
                return False
            if isinstance(node, ir.Pixel | ir.CarryValue | ir.CarryHas | ir.RowsValue):
                return False
        return not walk.can_trap(expr)

    def grouped(self, channel: Channel, sites: list[Site]) -> list[Carried]:
        """Sites that can share a carry."""
        groups: dict[object, Carried] = {}
        for site in sites:
            if site.in_loop and channel[0].type.is_float:
                raise _in_loop(site.add)
            group = groups.setdefault(self.key(site), _carried(channel))
            group.sites.append(site)
        taps: dict[Position, Carried] = {}
        if channel[0].type.is_float:
            return list(groups.values())
        for site in sites:
            tap = taps.setdefault((site.add.ahead, site.add.down), _carried(channel))
            tap.sites.append(site)
            tap.summed = True
        if len(taps) < len(groups) or any(site.in_loop for site in sites):
            return list(taps.values())
        return list(groups.values())

    def key(self, site: Site) -> object:
        shared = all(
            not isinstance(node, ir.Element | ir.Pixel)
            and not (isinstance(node, ir.Read) and node.register in self.unstable)
            for node in walk.nodes(site.base)
        )
        return (site.block, site.base) if shared else site

    # Reading what was added.

    def read(self, channel: Channel, carried: list[Carried]) -> ir.Expr:
        if channel[0].type.is_float:
            return self.float_sum(channel[0].type, carried)
        return self.integer_sum(channel[0].type, carried)

    def float_sum(self, scalar: ScalarType, carried: list[Carried]) -> ir.Expr:
        """+0, then every contribution in the order it was made."""
        found = [(each, site) for each in carried for site in each.sites]
        found.sort(key=lambda pair: (-pair[1].add.down, -pair[1].add.ahead, pair[1].order))
        total: ir.Expr = ir.constant(0.0, scalar)
        for each, site in found:
            value = self.value_at(each.carry, site)
            if site.weight is not None:
                value = folded(_operation(Op.MUL, scalar, value, site.weight))
            total = _operation(Op.SUB if site.add.negate else Op.ADD, scalar, total, value)
        return total

    def all_carried(self) -> list[Carried]:
        return [each for carried in self.carried.values() for each in carried]

    def value_at(self, carry: ir.Register, site: Site) -> ir.Expr:
        raster, turned = _positions(site.add)
        if raster == turned:
            return ir.CarryValue(carry, *raster)
        flag = self.scan.serpentine
        if isinstance(flag, ir.Constant):
            return ir.CarryValue(carry, *(turned if flag.raw else raster))
        return _select(flag, ir.CarryValue(carry, *turned), ir.CarryValue(carry, *raster))

    def integer_sum(self, scalar: ScalarType, carried: list[Carried]) -> ir.Expr:
        """The order does not matter: one term a position, its weights added up beforehand."""
        total: ir.Expr = ir.constant(0, scalar)
        for each in carried:
            for position, weight in self.weights(scalar, each).items():
                value: ir.Expr = ir.CarryValue(each.carry, *position)
                value = folded(_operation(Op.MUL, scalar, value, weight))
                total = folded(_operation(Op.ADD, scalar, total, value))
        return total

    def weights(self, scalar: ScalarType, carried: Carried) -> dict[Position, ir.Expr]:
        """For each position read, the weight of what was carried there; set before the scan."""
        raster: dict[Position, ir.Expr] = {}
        turned: dict[Position, ir.Expr] = {}
        sites = carried.sites[:1] if carried.summed else carried.sites
        for site in sorted(sites, key=lambda each: (-each.add.down, -each.add.ahead)):
            weight: ir.Expr = ir.constant(1, scalar)
            if not carried.summed:
                weight = _signed(site.add.negate, site.weight or weight)
            for table, position in zip((raster, turned), _positions(site.add), strict=True):
                before = table.get(position, ir.constant(0, scalar))
                table[position] = folded(_operation(Op.ADD, scalar, weight, before))
        flag = self.scan.serpentine
        if isinstance(flag, ir.Constant):
            return self.saved(turned if flag.raw else raster)
        zero = ir.constant(0, scalar)
        return self.saved(
            {
                position: _select(flag, turned.get(position, zero), raster.get(position, zero))
                for position in {**raster, **turned}
            }
        )

    def saved(self, weights: dict[Position, ir.Expr]) -> dict[Position, ir.Expr]:
        result: dict[Position, ir.Expr] = {}
        for position, weight in weights.items():
            if not isinstance(weight, ir.Atom):
                register = ir.Register(weight.type, "weight")
                self.before.append(ir.Set(register, weight, self.scan.line))
                weight = ir.Read(register)
            result[position] = weight
        return result

    # Rewriting the body.

    def rewritten(self, block: ir.Block, values: dict[Channel, ir.Register]) -> ir.Block:
        feeds = {  # by identity: equal additions may stand in different arms
            id(site.add): (each, site) for each in self.all_carried() for site in each.sites
        }

        def node(expr: ir.Expr) -> ir.Expr:
            if isinstance(expr, ir.RowsValue):
                return ir.Read(values[expr.rows, expr.channel])
            return expr

        result: list[ir.Statement] = []
        for statement in block:
            fed = feeds.get(id(statement))
            parts = tuple(walk.rewrite(part, node) for part in walk.expressions(statement))
            if fed is not None:
                result.append(_collect(*fed, node))
                continue
            if isinstance(statement, ir.AddRows):  # never read, but what it computes may trap
                unused = ir.Register(statement.value.type)
                result.append(ir.Set(unused, parts[0], statement.line))
                continue
            inner = tuple(self.rewritten(part, values) for part in walk.blocks(statement))
            statement = walk.with_expressions(statement, parts)
            result.append(walk.with_blocks(statement, inner))
        return tuple(result)


def _collect(carried: Carried, site: Site, node: object) -> ir.Statement:
    """What stands where the addition stood."""
    assert callable(node)
    if not carried.summed:
        value = walk.rewrite(site.base, node)
    else:
        added = walk.rewrite(site.add.value, node)
        op = Op.SUB if site.add.negate else Op.ADD
        value = _operation(op, carried.carry.type, ir.Read(carried.collected), added)
    return ir.Set(carried.collected, value, site.add.line)


def _first_reads(block: ir.Block) -> dict[Channel, int]:
    """The channels of rows that are read, each with the line that reads it first."""
    found: dict[Channel, int] = {}
    for statement in walk.statements(block):
        for expr in walk.expressions(statement):
            for node in walk.nodes(expr):
                if isinstance(node, ir.RowsValue):
                    found.setdefault((node.rows, node.channel), statement.line)
    return found


def _carried(channel: Channel) -> Carried:
    rows, _ = channel
    return Carried(ir.Register(rows.type, rows.name), ir.Register(rows.type, rows.name))


def _operation(op: Op, scalar: ScalarType, left: ir.Expr, right: ir.Expr) -> ir.Expr:
    return ir.Operation(op, (scalar,), (left, right))


def _select(flag: ir.Expr, then: ir.Expr, otherwise: ir.Expr) -> ir.Expr:
    return folded(ir.Operation(Op.SELECT, (then.type,), (flag, then, otherwise)))


def _signed(negate: bool, weight: ir.Expr) -> ir.Expr:
    if not negate:
        return weight
    return folded(_operation(Op.SUB, weight.type, ir.constant(0, weight.type), weight))


def _positions(add: ir.AddRows) -> tuple[Position, Position]:
    """Where the reader finds what the tap added: in raster order, and in a serpentine."""
    raster = (-add.ahead, -add.down)
    return raster, ((add.ahead, -add.down) if add.down % 2 else raster)


def _carried_registers(block: ir.Block) -> set[ir.Register]:
    """Registers that a `for` changes but that are set outside of it too."""
    sets: dict[ir.Register, int] = {}
    for statement in walk.statements(block):
        for register in walk.targets(statement):
            sets[register] = sets.get(register, 0) + 1
    found: set[ir.Register] = set()
    for statement in walk.statements(block):
        if isinstance(statement, ir.For):
            inside: dict[ir.Register, int] = {}
            for inner in walk.statements(statement.body):
                for register in walk.targets(inner):
                    inside[register] = inside.get(register, 0) + 1
            found |= {register for register, count in inside.items() if count < sets[register]}
    return found


def _check_reach(add: ir.AddRows) -> None:
    if abs(add.ahead) > CARRY_AHEAD or add.down > CARRY_LINES:
        reach = f"at most {CARRY_AHEAD} pixels along the line and {CARRY_LINES} lines down"
        raise PassError("CPS0806", "this addition reaches too far", reach, add.line)


def _in_loop(add: ir.AddRows) -> PassError:
    message = f"a loop that adds floats to '{add.rows.name}' is too long"
    help_ = "the order of float additions is kept, so such loops are written out: make it shorter"
    return PassError("CPS0807", message, help_, add.line)
