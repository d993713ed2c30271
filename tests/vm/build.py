"""Small hand-made modules for tests: one image in, one out, of equal size, and some code."""

from __future__ import annotations

from msgspec.structs import replace

from vm import codec
from vm.module import (
    Border,
    Dimension,
    Image,
    Immediate,
    Instruction,
    Kernel,
    Module,
    Order,
    Role,
)
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier import VerifiedKernel, verify

I32 = ScalarType.I32
U8 = ScalarType.U8
BOOL = ScalarType.BOOL

SRC, DST = 0, 1


def op(which: Op, *immediates: Immediate) -> Instruction:
    """One instruction."""
    return Instruction(which, immediates)


def const(value: int, scalar: ScalarType = I32) -> Instruction:
    """A constant."""
    return op(Op.CONST, scalar, value)


def get(local: int) -> Instruction:
    """Read a local."""
    return op(Op.GET, local)


def put_local(local: int) -> Instruction:
    """Assign a local."""
    return op(Op.SET, local)


END = op(Op.END)
ELSE = op(Op.ELSE)
MAP = op(Op.MAP, 0, 1, 0, 1)
LOAD_HERE = (get(0), get(1), op(Op.LOAD, SRC, 0, Border.INSIDE))


def scan(*body: Instruction) -> tuple[Instruction, ...]:
    """A raster scan over the image with x, y, d in locals 0, 1, 2."""
    return (const(0, BOOL), op(Op.SCAN, Order.ROWS, 2, 0, 1, 0, 1), *body, END)


def pixels(*body: Instruction) -> tuple[Instruction, ...]:
    """A map over the image with x, y in locals 0, 1."""
    return (MAP, *body, END)


def kernel(*code: Instruction, **changes: object) -> Kernel:
    """A kernel `k` with in `src` and out `dst`, both u8 and of equal size; six i32 locals."""
    base = Kernel(
        "k",
        dimensions=(Dimension(), Dimension()),
        images=(
            Image("src", Role.IN, U8, 1, 0, 1),
            Image("dst", Role.OUT, U8, 1, 0, 1),
        ),
        locals=(I32,) * 6,
        code=tuple(code),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def check(*code: Instruction, **changes: object) -> VerifiedKernel:
    """Verify a kernel made by `kernel`."""
    return check_kernel(kernel(*code, **changes))


def check_kernel(made: Kernel) -> VerifiedKernel:
    """Verify one kernel."""
    return verify(codec.encode(Module((made,)))).kernels[made.name]
