"""From the intermediate form to a kernel of the machine: trees become stack code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compiler import ir, walk
from vm.module import (
    Array,
    Carry,
    Claim,
    Image,
    Immediate,
    Instruction,
    Kernel,
)
from vm.opcodes import Op
from vm.types import ScalarType

BOOL = ScalarType.BOOL


def emit(kernel: ir.Kernel) -> Kernel:
    """The kernel as bytecode. Limits are the verifier's business."""
    emitter = _Emitter(kernel)
    emitter.block(kernel.body)
    images = tuple(
        Image(i.name, i.role, i.type, i.channels, i.width, i.height, i.doc) for i in emitter.images
    )
    return Kernel(
        name=kernel.name,
        dimensions=kernel.dimensions,
        images=images,
        parameters=kernel.parameters,
        locals=tuple(register.type for register in emitter.locals),
        arrays=tuple(Array(a.type, a.length, a.parameter, a.data) for a in emitter.arrays),
        carries=tuple(emitter.carries),
        texts=tuple(emitter.texts),
        code=tuple(emitter.code),
        doc=kernel.doc,
        fields=kernel.fields,
    )


class _Emitter:
    """Code as it grows, and the tables that its indices refer to."""

    def __init__(self, kernel: ir.Kernel) -> None:
        self.code: list[Instruction] = []
        self.line = 0
        self.locals: dict[ir.Register, int] = {}
        self.arrays: dict[ir.Array, int] = {}
        self.images: dict[ir.Image, int] = {image: i for i, image in enumerate(kernel.images)}
        self.texts: dict[str, int] = {}
        self.carries: list[Carry] = []
        self.carry_of: dict[ir.Register, int] = {}

    def add(self, op: Op, *immediates: Immediate, line: int = 0) -> None:
        self.code.append(Instruction(op, immediates, line or self.line))

    def local(self, register: ir.Register) -> int:
        return self.locals.setdefault(register, len(self.locals))

    def array(self, array: ir.Array) -> int:
        return self.arrays.setdefault(array, len(self.arrays))

    def image(self, image: ir.Image) -> int:
        return self.images.setdefault(image, len(self.images))

    # Expressions.

    def expr(self, expr: ir.Expr) -> None:
        """Push the value."""
        if isinstance(expr, ir.Pixel) and expr.safe:
            self.add(Op.OWN, self.image(expr.image), expr.channel, line=expr.line)
            return
        for part in walk.operands(expr):
            self.expr(part)
        match expr:
            case ir.Constant(raw, scalar):
                self.add(Op.CONST, scalar, raw)
            case ir.Read(register):
                self.add(Op.GET, self.local(register))
            case ir.ParameterValue(index):
                self.add(Op.PARAMETER, index)
            case ir.DimensionValue(index):
                self.add(Op.DIMENSION, index)
            case ir.Operation(op, types):
                self.add(op, *types, line=expr.line)
            case ir.Element(array):
                self.add(Op.ELEM_GET, self.array(array), line=expr.line)
            case ir.Pixel(image, channel, border, fill):
                if fill is None:
                    self.add(Op.LOAD, self.image(image), channel, border, line=expr.line)
                else:
                    self.add(Op.LOAD_OR, self.image(image), channel, line=expr.line)
            case ir.CarryValue(carry, ahead, down):
                self.add(Op.CARRY_GET, self.carry_of[carry], ahead, down)
            case ir.CarryHas(ahead, down):
                self.add(Op.CARRY_HAS, ahead, down)
            case _:
                raise AssertionError(f"{expr} outlived its pass")

    # Statements.

    def block(self, block: ir.Block) -> None:
        for statement in block:
            self.line = statement.line or self.line
            for part in walk.expressions(statement):
                self.expr(part)
            line = self.line
            HANDLERS[type(statement)](self, statement)
            self.line = line

    def region(self, block: ir.Block) -> None:
        self.block(block)
        self.add(Op.END)

    def set(self, statement: ir.Set) -> None:
        self.add(Op.SET, self.local(statement.register))

    def set_element(self, statement: ir.SetElement) -> None:
        self.add(Op.ELEM_SET, self.array(statement.array))

    def fill_array(self, statement: ir.FillArray) -> None:
        self.add(Op.ARRAY_FILL, self.array(statement.array))

    def copy_array(self, statement: ir.CopyArray) -> None:
        self.add(Op.ARRAY_COPY, self.array(statement.target), self.array(statement.source))

    def put(self, statement: ir.Put) -> None:
        self.add(Op.PUT, self.image(statement.image), statement.channel)

    def store(self, statement: ir.Store) -> None:
        op = Op.STORE_DROP if statement.drop else Op.STORE
        self.add(op, self.image(statement.image), statement.channel)

    def clear(self, statement: ir.Clear) -> None:
        self.add(Op.CLEAR, self.image(statement.image))

    def put_carry(self, statement: ir.PutCarry) -> None:
        self.add(Op.CARRY_PUT, self.carry_of[statement.carry])

    def require(self, statement: ir.Require) -> None:
        text = self.texts.setdefault(statement.text, len(self.texts))
        self.add(Op.REQUIRE, text)

    def give(self, statement: ir.Give) -> None:
        self.add(Op.GIVE, statement.field)

    def yield_(self, statement: ir.Yield) -> None:
        """The value is on the stack."""

    def if_(self, statement: ir.If) -> None:
        then, otherwise = statement.then, statement.otherwise
        if not then:
            self.add(Op.NOT, BOOL)
            then, otherwise = otherwise, then
        self.add(Op.IF, None)
        self.block(then)
        if otherwise:
            self.add(Op.ELSE)
            self.block(otherwise)
        self.add(Op.END)

    def for_(self, statement: ir.For) -> None:
        claims = tuple(
            Claim(self.local(register), claim.low, claim.high, claim.dimension, claim.offset)
            for register, claim in statement.claims
        )
        self.add(Op.FOR, self.local(statement.variable), statement.step, claims)
        self.region(statement.body)

    def map(self, statement: ir.Map) -> None:
        x, y = self.local(statement.x), self.local(statement.y)
        self.add(Op.MAP, x, y, statement.width, statement.height)
        self.region(statement.body)

    def scan(self, statement: ir.Scan) -> None:
        self.number_carries(statement.body)
        d, x, y = (self.local(each) for each in (statement.d, statement.x, statement.y))
        self.add(Op.SCAN, statement.order, d, x, y, statement.width, statement.height)
        self.region(statement.body)

    def number_carries(self, body: ir.Block) -> None:
        """Every scan starts with its carries 0, so scans share them."""
        free = list(range(len(self.carries)))
        for statement in body:
            if not isinstance(statement, ir.PutCarry):
                continue
            scalar = statement.carry.type
            same = [index for index in free if self.carries[index].type is scalar]
            if same:
                free.remove(same[0])
            else:
                same = [len(self.carries)]
                self.carries.append(Carry(scalar))
            self.carry_of[statement.carry] = same[0]

    def reduce(self, statement: ir.Reduce) -> None:
        own = [self.local(register) for register in statement.variables]
        if statement.extents is None:
            self.add(Op.REDUCE, statement.kind, statement.type, *own)
        else:
            self.add(Op.REDUCE_2D, statement.kind, statement.type, *own, *statement.extents)
        self.region(statement.body)
        for target in reversed(statement.targets):
            self.add(Op.SET, self.local(target), line=statement.line)


HANDLERS: dict[type, Callable[[_Emitter, Any], None]] = {
    ir.Set: _Emitter.set,
    ir.SetElement: _Emitter.set_element,
    ir.FillArray: _Emitter.fill_array,
    ir.CopyArray: _Emitter.copy_array,
    ir.Put: _Emitter.put,
    ir.Store: _Emitter.store,
    ir.Clear: _Emitter.clear,
    ir.PutCarry: _Emitter.put_carry,
    ir.Require: _Emitter.require,
    ir.Give: _Emitter.give,
    ir.Yield: _Emitter.yield_,
    ir.If: _Emitter.if_,
    ir.For: _Emitter.for_,
    ir.Map: _Emitter.map,
    ir.Scan: _Emitter.scan,
    ir.Reduce: _Emitter.reduce,
}
_EMITTED = set(ir.Statement.__args__) - {ir.AddRows}  # the pass `gather` replaces these
assert set(HANDLERS) == _EMITTED, set(HANDLERS) ^ _EMITTED
