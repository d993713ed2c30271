"""Random programs that the verifier accepts, using every instruction at every type.

All choices come from one `Random`, so that a seed replays a program; the number of instructions
is a target that shrinks. Programs are cheap to interpret: loops multiply to a few thousand trips.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import strategies as st

from vm.module import Array, Carry, Claim, Kernel, Module, Order, Role
from vm.opcodes import Op
from vm.testing.author import MOST_TRIPS, USUAL_AXIS, USUAL_PIXELS, Scope
from vm.testing.expressions import ExpressionAuthor
from vm.testing.signature import BOOL, COMPUTE, I32, TYPES
from vm.testing.values import seeds


class KernelAuthor(ExpressionAuthor):
    """Writes one random kernel: each statement leaves the stack as it was."""

    def statements(self, count: int) -> None:
        """Some random statements."""
        for _ in range(count):
            if self.left > 0:
                self.statement()

    def statement(self) -> None:
        """A random statement."""
        room = len(self.scopes) < 6 and self.left > 0
        free = self.loop is None and not self.reduces
        options: list[tuple[int, Callable[[], None]]] = [
            (6, self.assign),
            (3, self.array),
            (2 if room else 0, self.condition),
            (2 if room and self.trips * USUAL_AXIS < MOST_TRIPS else 0, self.counted),
            (1 if room and self.trips * USUAL_AXIS < MOST_TRIPS else 0, self.claimed),
            (8 if self.loop and not self.reduces else 0, self.put),
            (4 if room and free and self.trips * USUAL_PIXELS < MOST_TRIPS else 0, self.pixel_map),
            (6 if room and free and self.trips * USUAL_PIXELS < MOST_TRIPS else 0, self.scan),
            (3 if free else 0, self.store),
            (1 if free else 0, self.clear),
            (1, self.require),
        ]
        self.rng.choices(options, [weight for weight, _ in options])[0][1]()

    def assign(self) -> None:
        """An old local or a new one."""
        existing = self.assignable()
        if existing and self.chance(0.5):
            local = self.choose(*existing)
            self.expression(self.local_types[local], 3)
            self.emit(Op.SET, local)
            return
        scalar = self.choose(*TYPES, BOOL, *COMPUTE, I32, I32)
        self.expression(scalar, 3)
        self.keep(scalar)

    def array(self) -> None:
        """A new array, an element of one, or a copy."""
        mine = self.scopes[-1].arrays
        if not mine or self.chance(0.3):
            scalar = self.choose(*TYPES)
            self.expression(scalar, 2)
            self.emit(Op.ARRAY_FILL, self.new_array(Array(scalar, self.choose(1, 2, 3, 5, 9))))
            return
        index = self.choose(*mine)
        if self.chance(0.3):
            self.emit(Op.ARRAY_COPY, self.new_array(self.signature.arrays[index]), index)
            return
        self.index_of(index, 2)
        self.expression(self.signature.arrays[index].type, 2)
        self.emit(Op.ELEM_SET, index)

    def new_array(self, array: Array) -> int:
        """An array of its own."""
        self.signature.arrays.append(array)
        self.scopes[-1].arrays.append(len(self.signature.arrays) - 1)
        return len(self.signature.arrays) - 1

    def condition(self) -> None:
        """An `if` without a result."""
        self.expression(BOOL, 2)
        self.emit(Op.IF, None)
        self.inside(Scope(Op.IF), 1, lambda: self.statements(self.choose(0, 1, 2)))
        if self.chance(0.5):
            before = len(self.code)
            self.emit(Op.ELSE)
            self.inside(Scope(Op.IF), 1, lambda: self.statements(2))
            if len(self.code) == before + 1:
                self.code.pop()
        self.emit(Op.END)

    def counted(self) -> None:
        """A `for` without claims."""
        trips = self.ends(may_be_empty=True)
        local = self.new_local(I32)
        self.emit(Op.FOR, local, self.choose(1, 1, 2, 3, (1 << 31) - 1), ())
        self.inside(Scope(Op.FOR, fixed=[local]), trips, lambda: self.statements(2))
        self.emit(Op.END)

    def claimed(self) -> None:
        """A `for` that carries a local within bounds it claims, and uses it as an index."""
        size = self.rng.randrange(len(self.signature.dimensions))
        bounded = self.chance(0.5)
        self.integer(0)
        steady = self.new_local(I32)
        self.emit(Op.SET, steady)
        trips = self.ends(may_be_empty=True)
        local = self.new_local(I32)
        high = (1 << 20) - 1 if bounded else 3
        claim = Claim(steady, 0, high, size, -1) if bounded else Claim(steady, 0, high)
        self.emit(Op.FOR, local, 1, (claim,))
        fixed = [local, steady]
        self.inside(Scope(Op.FOR, fixed=fixed), trips, lambda: self.statements(1))
        self.emit(Op.GET, steady)
        self.integer(1)
        self.emit(Op.ADD, I32)
        if bounded:
            self.emit(Op.DIMENSION, size)
            self.integer(1)
            self.emit(Op.SUB, I32)
        else:
            self.integer(high)
        self.emit(Op.MIN, I32)
        self.emit(Op.SET, steady)
        self.emit(Op.END)
        self.scopes[-1].fixed = [*self.scopes[-1].fixed, steady]

    def put(self) -> None:
        """A channel of the loop's pixel."""
        options = [
            index
            for index, image in enumerate(self.signature.images)
            if image.role is not Role.IN
            and (image.width, image.height) == self.loop
            and index not in self.loads
        ]
        if not options:
            self.assign()
            return
        index = self.choose(*options)
        self.puts.add(index)
        self.expression(self.signature.images[index].type, 4)
        self.emit(Op.PUT, index, self.rng.randrange(self.signature.images[index].channels))

    def pixel_map(self) -> None:
        """A map over the extents of an image."""
        size = self.enter_pixels()
        own = [self.new_local(I32), self.new_local(I32)]
        self.loop_locals = own[0], own[1]
        self.emit(Op.MAP, *own, *size)
        body = Scope(Op.MAP, fixed=own)
        self.inside(body, USUAL_PIXELS, lambda: self.statements(self.choose(1, 2, 3)))
        self.emit(Op.END)
        self.loop = None

    def enter_pixels(self) -> tuple[int, int]:
        """Begin a pixel loop over the extents of an image that can be put."""
        targets = [image for image in self.signature.images if image.role is not Role.IN]
        image = self.choose(*targets)
        self.loads, self.puts = set(), set()
        self.loop = (image.width, image.height)
        return self.loop

    def scan(self) -> None:
        """A scan with carries, some of them with bounds."""
        self.expression(BOOL, 1)
        size = self.enter_pixels()
        own = [self.new_local(I32) for _ in range(3)]
        self.loop_locals = own[1], own[2]
        self.emit(Op.SCAN, self.choose(*Order), *own, *size)
        self.carries = [self.new_carry() for _ in range(self.choose(0, 1, 1, 2))]
        self.inside(Scope(Op.SCAN, fixed=own), USUAL_PIXELS, self.scan_body)
        self.emit(Op.END)
        self.carries, self.loop = [], None

    def new_carry(self) -> int:
        """An old carry again, or one of its own."""
        carries = self.signature.carries
        if carries and self.chance(0.2) and len(carries) - 1 not in self.carries:
            return len(carries) - 1
        scalar = self.choose(*TYPES, I32, I32, *COMPUTE)
        low, high = (max(scalar.minimum, -50), 60) if self.chance(0.5) else (None, None)
        carries.append(Carry(scalar) if scalar.is_float else Carry(scalar, low, high))
        return len(carries) - 1

    def scan_body(self) -> None:
        """Statements, with each carry put among them."""
        self.statements(self.choose(1, 2))
        for index in dict.fromkeys(self.carries):
            carry = self.signature.carries[index]
            self.expression(carry.type, 4)
            if carry.low is not None and carry.high is not None:
                self.emit(Op.CONST, carry.type, carry.low)
                self.emit(Op.MAX, carry.type)
                self.emit(Op.CONST, carry.type, carry.high)
                self.emit(Op.MIN, carry.type)
            self.emit(Op.CARRY_PUT, index)
            self.statements(self.choose(0, 1))

    def store(self) -> None:
        """A pixel written outside pixel loops."""
        options = [i for i, image in enumerate(self.signature.images) if image.role is not Role.IN]
        index = self.choose(*options)
        channel = self.rng.randrange(self.signature.images[index].channels)
        op = self.choose(Op.STORE, Op.STORE_DROP)
        if op is Op.STORE and self.chance(0.97):
            self.place_inside(index, 2)
        else:
            self.place(2)
        self.expression(self.signature.images[index].type, 3)
        self.emit(op, index, channel)

    def clear(self) -> None:
        """An image made 0 again."""
        options = [i for i, image in enumerate(self.signature.images) if image.role is not Role.IN]
        self.emit(Op.CLEAR, self.choose(*options))

    def require(self) -> None:
        """A requirement, nearly always met."""
        kind = self.choose("dimension", "axes", "random")
        if kind == "random" and self.chance(0.3):
            self.expression(BOOL, 2)
        elif kind == "axes" and self.chance(0.5):
            self.emit(Op.DIMENSION, 0)
            self.emit(Op.DIMENSION, 1)
            self.emit(self.choose(Op.LE, Op.GE, Op.NE), I32)
        else:
            self.emit(Op.DIMENSION, self.rng.randrange(len(self.signature.dimensions)))
            self.integer(self.choose(0, 0, 0, 1))
            self.emit(self.choose(Op.GT, Op.GE), I32)
        self.emit(Op.REQUIRE, self.rng.randrange(len(self.signature.texts)))

    # The whole.

    def show(self) -> None:
        """Put what was computed into most out images, so that it can be compared."""
        for index, image in enumerate(self.signature.images):
            if image.role is Role.OUT and self.chance(0.7):
                self.show_in(index)

    def show_in(self, index: int) -> None:
        """Put every channel of one image."""
        image = self.signature.images[index]

        def body() -> None:
            for channel in range(image.channels):
                self.expression(image.type, 2)
                self.emit(Op.PUT, index, channel)

        own = [self.new_local(I32), self.new_local(I32)]
        self.loop, self.loop_locals = (image.width, image.height), (own[0], own[1])
        self.loads, self.puts = set(), {index}
        self.emit(Op.MAP, *own, *self.loop)
        self.inside(Scope(Op.MAP, fixed=own), USUAL_PIXELS, body)
        self.emit(Op.END)
        self.loop = None

    def give(self) -> None:
        """Every field of the record."""
        for index, field in enumerate(self.signature.fields):
            self.expression(field.type, 2)
            self.emit(Op.GIVE, index)

    def kernel(self, name: str) -> Kernel:
        """The kernel as written so far."""
        made: Any = self.signature
        return Kernel(
            name,
            tuple(made.dimensions),
            tuple(made.images),
            tuple(made.parameters),
            tuple(self.local_types),
            tuple(made.arrays),
            tuple(made.carries),
            tuple(made.texts),
            tuple(self.code),
            fields=tuple(made.fields),
        )


def random_kernel(rng: Random, size: int, name: str = "k") -> Kernel:
    """A kernel of about `size` instructions, and then some that show its results."""
    author = KernelAuthor(rng, size)
    while author.left > 0:
        author.statement()
    author.left = size // 2
    author.show()
    author.give()
    return author.kernel(name)


def modules() -> st.SearchStrategy[Module]:
    """Modules of one kernel, `k`, that the verifier accepts. They shrink in size only."""
    return st.builds(
        lambda size, rng: Module((random_kernel(rng, size),)), st.integers(1, 120), seeds()
    )
