"""Random expressions: each leaves one value of the wanted type on the stack."""

from __future__ import annotations

from collections.abc import Callable

from vm.module import Border, Reduction
from vm.opcodes import Imm, Op
from vm.scalar import ARITHMETIC
from vm.testing.author import MOST_TRIPS, USUAL_AXIS, USUAL_PIXELS, Author, Scope
from vm.testing.signature import BOOL, I32, TYPES
from vm.testing.values import random_raw
from vm.types import COMPUTE_NUMBERS, ScalarType
from vm.verifier.instructions import is_conversion

CONVERSIONS = (Op.CONVERT, Op.WRAP, Op.SATURATE, Op.NARROW, Op.BITS)
DIVISIONS = frozenset({Op.DIV, Op.REM, Op.DIV_FLOOR, Op.MOD_FLOOR, Op.DIV_ROUND})
COMPARISONS = (Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE)
PLACES = frozenset({Reduction.ARGMIN, Reduction.ARGMAX})


class ExpressionAuthor(Author):
    """Writes expressions, well-typed by construction."""

    def statement(self) -> None:
        """A random statement, which the author of statements knows to write."""
        raise NotImplementedError

    def assign(self) -> None:
        """A random assignment, likewise."""
        raise NotImplementedError

    def expression(self, scalar: ScalarType, depth: int) -> None:
        """A random expression."""
        if depth <= 0 or self.left <= 0:
            self.leaf(scalar)
            return
        options: list[tuple[int, Callable[[ScalarType, int], None]]] = [
            (2, lambda scalar, depth: self.leaf(scalar)),
            (8, self.arithmetic),
            (3, self.conversion),
            (1, self.select),
            (1, self.choice),
            (4, self.load),
            (2, self.element),
            (1, self.interrupted),
            (2 if self.trips < MOST_TRIPS // 20 else 0, self.reduction),
            (5 if self.carries else 0, self.carried),
        ]
        weights = [weight for weight, _ in options]
        self.rng.choices(options, weights)[0][1](scalar, depth)

    def leaf(self, scalar: ScalarType) -> None:
        """A local, a parameter, a dimension or a constant."""
        locals_ = self.readable(scalar)
        parameters = [
            index
            for index, parameter in enumerate(self.signature.parameters)
            if parameter.type is scalar and not parameter.length
        ]
        if locals_ and self.chance(0.6):
            self.emit(Op.GET, self.choose(*locals_))
        elif parameters and self.chance(0.5):
            self.emit(Op.PARAMETER, self.choose(*parameters))
        elif scalar is I32 and self.chance(0.2):
            self.emit(Op.DIMENSION, self.rng.randrange(len(self.signature.dimensions)))
        else:
            self.emit(Op.CONST, scalar, random_raw(self.rng, scalar))

    def arithmetic(self, scalar: ScalarType, depth: int) -> None:
        """An operation on values of the type, or a comparison."""
        if scalar is BOOL and self.chance(0.7):
            operand = self.choose(*TYPES, BOOL, I32)
            op = self.choose(*[op for op in COMPARISONS if operand in op.types])
            self.operands(op, operand, depth)
            self.emit(op, operand)
            return
        ops = [
            op
            for op in ARITHMETIC
            if op.immediates == (Imm.TYPE,) and scalar in op.types and op.pushes == ("T",)
        ]
        ops = [op for op in ops if op is not Op.SELECT]
        if not ops:
            self.leaf(scalar)
            return
        op = self.choose(*sorted(ops, key=lambda op: op.code))
        self.operands(op, scalar, depth)
        self.emit(op, scalar)

    def operands(self, op: Op, scalar: ScalarType, depth: int) -> None:
        """What the operation pops; a divisor is hardly ever 0."""
        for _ in op.pops[1:]:
            self.expression(scalar, depth - 1)
        if op in DIVISIONS and scalar.is_integer and self.chance(0.95):
            if self.chance(0.6):
                low = scalar.minimum
                divisors = (1, 2, 3, 7, 16, 100, scalar.maximum, *((low, -1, -3) if low else ()))
                self.emit(Op.CONST, scalar, self.choose(*divisors))
                return
            self.expression(scalar, depth - 1)
            self.emit(Op.CONST, scalar, 1)
            self.emit(Op.OR, scalar)
            return
        self.expression(scalar, depth - 1)

    def conversion(self, scalar: ScalarType, depth: int) -> None:
        """A conversion to the type."""
        pairs = [
            (op, source)
            for op in CONVERSIONS
            for source in (*TYPES, BOOL)
            if scalar in op.types and is_conversion(op, source, scalar)
        ]
        if not pairs:
            self.arithmetic(scalar, depth)
            return
        op, source = self.choose(*pairs)
        self.expression(source, depth - 1)
        if op is Op.NARROW and self.chance(0.95):
            for limit, clamp in ((scalar.minimum, Op.MAX), (scalar.maximum, Op.MIN)):
                if source.minimum <= limit <= source.maximum:
                    self.emit(Op.CONST, source, limit)
                    self.emit(clamp, source)
        self.emit(op, source, scalar)

    def select(self, scalar: ScalarType, depth: int) -> None:
        """Either of two values."""
        for operand in (BOOL, scalar, scalar):
            self.expression(operand, depth - 1)
        self.emit(Op.SELECT, scalar)

    def choice(self, scalar: ScalarType, depth: int) -> None:
        """An `if` that leaves a value; its arms may do more."""
        self.expression(BOOL, depth - 1)
        self.emit(Op.IF, scalar)
        for op in (Op.ELSE, Op.END):
            self.inside(Scope(Op.IF), 1, lambda: self.arm(scalar, depth))
            self.emit(op)

    def arm(self, scalar: ScalarType, depth: int) -> None:
        """Perhaps an assignment, then a value."""
        if self.chance(0.2):
            self.assign()
        self.expression(scalar, depth - 1)

    def interrupted(self, scalar: ScalarType, depth: int) -> None:
        """A value that waits on the stack while a statement runs."""
        self.expression(scalar, depth - 1)
        self.statement()

    def load(self, scalar: ScalarType, depth: int) -> None:
        """A pixel, inside or through a border."""
        options = [
            index
            for index, image in enumerate(self.signature.images)
            if image.type is scalar and not (self.loop and index in self.puts)
        ]
        if not options:
            self.own(scalar, depth)
            return
        index = self.choose(*options)
        image = self.signature.images[index]
        if self.loop == (image.width, image.height) and self.chance(0.2):
            self.emit(Op.OWN, index, self.rng.randrange(image.channels))
            return
        if self.loop:
            self.loads.add(index)
        channel = self.rng.randrange(self.signature.images[index].channels)
        border = self.choose(*Border, Border.INSIDE)
        if border is Border.INSIDE and self.chance(0.97):
            self.place_inside(index, depth)
        else:
            self.place(depth)
        if border is Border.ZERO and self.chance(0.5):
            self.expression(scalar, depth - 1)
            self.emit(Op.LOAD_OR, index, channel)
        else:
            self.emit(Op.LOAD, index, channel, border)

    def own(self, scalar: ScalarType, depth: int) -> None:
        """The loop's pixel of an image that the loop writes, if there is one."""
        for index in sorted(self.puts):
            image = self.signature.images[index]
            if self.loop and image.type is scalar:
                self.emit(Op.OWN, index, self.rng.randrange(image.channels))
                return
        self.conversion(scalar, depth)

    def place(self, depth: int) -> None:
        """Coordinates: near the pixel of the loop, or any."""
        for axis in range(2):
            if self.loop and self.chance(0.8):
                self.emit(Op.GET, self.loop_locals[axis])
                self.integer(self.choose(-9, -2, -1, 0, 1, 2, 17))
                self.emit(self.choose(Op.ADD, Op.SUB), I32)
            else:
                self.expression(I32, min(depth - 1, 1))

    def place_inside(self, index: int, depth: int) -> None:
        """Coordinates inside an image; the verifier can prove most of them."""
        image = self.signature.images[index]
        here = self.loop == (image.width, image.height) and self.chance(0.5)
        for axis, size in enumerate((image.width, image.height)):
            if here:
                self.emit(Op.GET, self.loop_locals[axis])
                continue
            self.expression(I32, min(depth - 1, 1))
            if self.chance(0.5):
                self.emit(Op.DIMENSION, size)
                self.emit(Op.MOD_FLOOR, I32)
                continue
            self.integer(0)
            self.emit(Op.MAX, I32)
            self.emit(Op.DIMENSION, size)
            self.integer(1)
            self.emit(Op.SUB, I32)
            self.emit(Op.MIN, I32)

    def element(self, scalar: ScalarType, depth: int) -> None:
        """An element of an array."""
        assigned = {array for scope in self.scopes for array in scope.arrays}
        options = [
            index
            for index, array in enumerate(self.signature.arrays)
            if array.type is scalar and (not array.is_local or index in assigned)
        ]
        if not options:
            self.arithmetic(scalar, depth)
            return
        index = self.choose(*options)
        self.index_of(index, depth)
        self.emit(Op.ELEM_GET, index)

    def index_of(self, array: int, depth: int) -> None:
        """An index, nearly always inside."""
        length = self.signature.arrays[array].length
        if self.chance(0.4):
            self.integer(self.rng.randrange(length))
            return
        self.expression(I32, depth - 1)
        self.integer(length if self.chance(0.97) else length + 1)
        self.emit(Op.MOD_FLOOR, I32)

    def reduction(self, scalar: ScalarType, depth: int) -> None:
        """A fold over a line or over pixels."""
        kinds = [Reduction.MIN, Reduction.MAX, Reduction.ARGMIN, Reduction.ARGMAX]
        kinds += [Reduction.SUM] * 4 if scalar in COMPUTE_NUMBERS else []
        kinds += [Reduction.COUNT] * 3 if scalar is I32 else []
        if scalar is BOOL:
            self.arithmetic(scalar, depth)
            return
        kind = self.choose(*kinds)
        body = BOOL if kind is Reduction.COUNT else scalar
        if self.chance(0.4) and self.trips * USUAL_PIXELS < MOST_TRIPS:
            size = self.choose((0, 1), (0, 1), (1, 1), (len(self.signature.dimensions) - 1, 0))
            own = [self.new_local(I32), self.new_local(I32)]
            self.emit(Op.REDUCE_2D, kind, body, *own, *size)
            trips = USUAL_PIXELS
        else:
            trips = self.ends(may_be_empty=kind in (Reduction.SUM, Reduction.COUNT))
            own = [self.new_local(I32)]
            self.emit(Op.REDUCE, kind, body, *own)
        self.reduces += 1
        self.inside(Scope(Op.REDUCE, fixed=own), trips, lambda: self.arm(body, min(depth, 2)))
        self.reduces -= 1
        self.emit(Op.END)
        if kind in PLACES:
            for _ in own:
                self.keep(I32)

    def ends(self, may_be_empty: bool) -> int:
        """Push the ends of a counted loop; gives its usual number of trips."""
        if self.chance(0.3):
            self.integer(0)
            self.emit(Op.DIMENSION, self.rng.randrange(len(self.signature.dimensions)))
            return USUAL_AXIS
        start = self.choose(0, 0, -1, 3, -(1 << 31), (1 << 31) - 40)
        lengths = [1, 2, 3, 5, *([15, 16, 17, 33] if self.trips * 20 < MOST_TRIPS else [])]
        empty = may_be_empty or self.chance(0.03)
        length = self.choose(*lengths, *([0, -1] if empty and start > -(1 << 31) else []))
        self.integer(start)
        self.integer(start + length)
        return max(1, length)

    def carried(self, scalar: ScalarType, depth: int) -> None:
        """What an earlier pixel of the scan has put, or whether there is one."""
        down = self.choose(0, -1, -1, -2, -16)
        ahead = self.choose(-1, -1, -2, -64) if down == 0 else self.choose(-2, -1, 0, 1, 2, 64)
        options = [i for i in self.carries if self.signature.carries[i].type is scalar]
        if scalar is BOOL:
            self.emit(Op.CARRY_HAS, self.choose(-2, -1, 0, 1), self.choose(0, -1, -2))
        elif options:
            self.emit(Op.CARRY_GET, self.choose(*options), ahead, down)
        else:
            self.conversion(scalar, depth)
