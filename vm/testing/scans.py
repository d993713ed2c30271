"""Random scans that lean on what vector code must get right: carries, arms, borders, tables.

They are programs of `vm.testing.programs` with one scan after the other and little else. Some look
back from many places, and some of their carries are bounded so that lanes can be narrow.
"""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray

from vm.limits import CARRY_AHEAD, CARRY_LINES
from vm.module import Border, Carry, Kernel, Module, Order, Role
from vm.opcodes import Op
from vm.testing.author import USUAL_PIXELS, Scope
from vm.testing.programs import KernelAuthor
from vm.testing.signature import BOOL, I32, TYPES
from vm.testing.values import random_pixels, seeds
from vm.types import ScalarType

LANE_SIZES = (*range(1, 71), 79, 130)  # around lanes, units and bands
NEAR = ((-1, 0), (-1, -1), (0, -1), (1, -1), (-2, 0), (2, -1), (0, -2), (-5, -1), (3, -2))


class ScanAuthor(KernelAuthor):
    """Writes a kernel of scans."""

    def __init__(self, rng: Random, size: int) -> None:
        super().__init__(rng, size)
        self.is_covered = rng.random() < 0.2

    def scans(self) -> None:
        """Scans until there is enough."""
        self.signature.images = [
            replace(image, channels=self.choose(1, 1, 2, 3, 4))
            if image.role is Role.IN
            else replace(image, channels=self.choose(1, 1, 2, 3, 4), width=0, height=1)
            for image in self.signature.images
        ]
        if self.chance(0.7):
            self.signature.fields = []  # a batch has no record
        while self.left > 0:
            self.scan()

    def scan(self) -> None:
        """A scan without traps, seldom one that turns around."""
        self.emit(Op.CONST, BOOL, int(self.chance(0.1)))
        size = self.enter_pixels()
        own = [self.new_local(I32) for _ in range(3)]
        self.loop_locals = own[1], own[2]
        self.emit(
            Op.SCAN, self.choose(Order.ROWS, Order.ROWS, Order.REVERSE, Order.COLUMNS), *own, *size
        )
        self.carries = [self.new_carry() for _ in range(self.choose(0, 1, 1, 2, 3))]
        self.inside(Scope(Op.SCAN, fixed=own), USUAL_PIXELS, self.scan_body)
        self.emit(Op.END)
        self.carries, self.loop = [], None

    def new_carry(self) -> int:
        """A carry of its own, often an i32 within bounds."""
        carries = self.signature.carries
        carries.append(Carry(self.choose(I32, I32, *TYPES)))
        return len(carries) - 1

    def scan_body(self) -> None:
        """Sums of what was carried, arms that put, and each carry put."""
        for index in self.carries:
            self.tapped(index)
        self.statements(self.choose(1, 2, 3))
        if self.is_covered:
            self.put()
            return
        # A batch clears no image: the first scan writes all of them.
        written = [i for i, image in enumerate(self.signature.images) if image.role is not Role.IN]
        for index in written:
            for channel in range(self.signature.images[index].channels):
                self.expression(self.signature.images[index].type, 2)
                self.emit(Op.PUT, index, channel)
        self.puts |= set(written)
        self.is_covered = True

    def tapped(self, index: int) -> None:
        """A carry put again: a mix of where it is looked at and of pixels, perhaps bounded."""
        scalar = self.signature.carries[index].type
        offsets = [self.offset() for _ in range(self.choose(1, 2, 4))]
        self.expression(scalar, 2)
        for ahead, down in offsets:
            self.emit(Op.CARRY_GET, index, ahead, down)
            self.emit(self.choose(Op.MIN, Op.MAX), scalar)
        if scalar is I32:
            self.emit(Op.CARRY_GET, index, *offsets[0])
            self.emit(self.choose(Op.ADD, Op.SUB, Op.XOR), I32)
            if self.chance(0.8):
                limit = self.choose(3, 255, 1_000, 32_767)
                for op, end in ((Op.MAX, -limit), (Op.MIN, limit)):
                    self.integer(end)
                    self.emit(op, I32)
        local = self.keep(scalar)
        self.emit(Op.GET, local)
        self.emit(Op.CARRY_PUT, index)

    def offset(self) -> tuple[int, int]:
        """Somewhere behind, mostly near."""
        if self.chance(0.9):
            return self.choose(*NEAR)
        down = -self.rng.randrange(CARRY_LINES + 1)
        return self.rng.randint(-CARRY_AHEAD, 8 if down else -1), down

    def load(self, scalar: ScalarType, depth: int) -> None:
        """A pixel beside the running one, mostly."""
        if self.loop is None or (self.is_covered and self.chance(0.1)):
            super().load(scalar, depth)
            return
        inputs = [i for i, image in enumerate(self.signature.images) if image.role is Role.IN]
        options = [i for i in inputs if self.signature.images[i].type is scalar]
        if not options:
            self.leaf(scalar)
            return
        index = self.choose(*options)
        image = self.signature.images[index]
        channel = self.rng.randrange(image.channels)
        if (image.width, image.height) == self.loop and self.chance(0.4):
            self.emit(Op.OWN, index, channel)
            return
        self.loads.add(index)
        for local in self.loop_locals:
            self.emit(Op.GET, local)
            if self.chance(0.7):
                self.integer(self.choose(-20, -2, -1, 1, 2, 3, 17))
                self.emit(Op.ADD, I32)
        if self.chance(0.2):
            self.leaf(scalar)
            self.emit(Op.LOAD_OR, index, channel)
            return
        borders = [border for border in Border if border is not Border.INSIDE]
        self.emit(Op.LOAD, index, channel, self.choose(*borders))


def random_scans(rng: Random, size: int) -> Kernel:
    """A kernel of scans, of about so many instructions."""
    author = ScanAuthor(rng, size)
    author.scans()
    author.left = 0
    author.give()
    return author.kernel("k")


def scan_modules() -> st.SearchStrategy[Module]:
    """Modules of one kernel of scans, `k`. They shrink in size only."""
    return st.builds(
        lambda size, rng: Module((random_scans(rng, size),)), st.integers(1, 80), seeds()
    )


def lane_images(kernel: Kernel) -> st.SearchStrategy[dict[str, NDArray[Any]]]:
    """Arrays for a kernel's inputs, of sizes around lanes."""

    def make(rng: Random) -> dict[str, NDArray[Any]]:
        sizes = [rng.choice(LANE_SIZES) for _ in kernel.dimensions]
        sizes[rng.randrange(len(sizes))] = rng.choice((1, 2, 17, 33))
        inputs = kernel.images_of(Role.IN)
        return {image.name: random_pixels(rng, image, sizes) for image in inputs}

    return seeds().map(make)
