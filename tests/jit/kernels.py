"""Kernels that exercise lowering, made by hand."""

from __future__ import annotations

from collections.abc import Callable

from tests.vm.build import ELSE, END, LOAD_HERE, check, const, get, op, pixels, put_local
from vm.bits import to_raw
from vm.module import Array, Border, Carry, Image, Order, Parameter, Reduction, Role
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier import VerifiedKernel

I32, U8, F32, F64, BOOL = (
    ScalarType.I32,
    ScalarType.U8,
    ScalarType.F32,
    ScalarType.F64,
    ScalarType.BOOL,
)
Maker = Callable[[], VerifiedKernel]
FLOATS = (Image("src", Role.IN, F32, 1, 0, 1), Image("dst", Role.OUT, F32, 1, 0, 1))
ADD, MUL, SUB = op(Op.ADD, I32), op(Op.MUL, I32), op(Op.SUB, I32)


def dither() -> VerifiedKernel:
    """Floyd and Steinberg's error diffusion, gathering from a carried error."""

    def weighted(which: int, ahead: int, down: int) -> tuple[object, ...]:
        weight = (const(which), op(Op.ELEM_GET, 0), MUL)
        return (op(Op.CARRY_GET, 0, ahead, down), *weight)

    total: list[object] = [const(0), op(Op.ELEM_GET, 0)]
    for which in (1, 2, 3):
        total += [const(which), op(Op.ELEM_GET, 0), ADD]
    code = (
        *total,
        put_local(3),
        get(3),
        const(0),
        op(Op.GT, I32),
        op(Op.REQUIRE, 0),
        op(Op.PARAMETER, 0),
        op(Op.SCAN, Order.ROWS, 2, 0, 1, 0, 1),
        *LOAD_HERE,
        op(Op.CONVERT, U8, I32),
        get(3),
        MUL,
        *weighted(0, -1, 0),
        *weighted(1, 1, -1),
        ADD,
        *weighted(2, 0, -1),
        ADD,
        *weighted(3, -1, -1),
        ADD,
        ADD,
        get(3),
        const(2),
        op(Op.DIV, I32),
        ADD,
        get(3),
        op(Op.DIV_FLOOR, I32),
        put_local(4),
        get(4),
        op(Op.PARAMETER, 1),
        op(Op.GE, I32),
        const(255),
        const(0),
        op(Op.SELECT, I32),
        put_local(5),
        get(5),
        op(Op.WRAP, I32, U8),
        op(Op.PUT, 1, 0),
        get(4),
        get(5),
        SUB,
        op(Op.CARRY_PUT, 0),
        END,
    )
    parameters = (
        Parameter("serpentine", BOOL, default=(0,)),
        Parameter("threshold", I32, 0, 0, 255, (128,)),
        Parameter("weights", I32, 4, 0, 1024, (7, 3, 5, 1)),
    )
    return check(
        *code,  # type: ignore[arg-type]
        carries=(Carry(I32),),
        texts=("at least one weight must be positive",),
        parameters=parameters,
        arrays=(Array(I32, 4, 2),),
    )


def filtered() -> VerifiedKernel:
    """Eleven taps along x through a mirror, in f32."""
    taps = tuple(to_raw(F32, 0.05 * (i + 1)) for i in range(11))
    body = (
        const(0),
        const(11),
        op(Op.REDUCE, Reduction.SUM, F32, 2),
        get(0),
        get(2),
        ADD,
        const(5),
        SUB,
        get(1),
        op(Op.LOAD, 0, 0, Border.MIRROR),
        get(2),
        op(Op.ELEM_GET, 0),
        op(Op.MUL, F32),
        END,
        op(Op.PUT, 1, 0),
    )
    return check(*pixels(*body), images=FLOATS, arrays=(Array(F32, 11, None, taps),))


def every_border() -> VerifiedKernel:
    """The sum of one neighbour through each border."""
    borders = (Border.CLAMP, Border.MIRROR, Border.REFLECT101, Border.WRAP, Border.ZERO)
    code: list[object] = [const(0), put_local(2)]
    for number, border in enumerate(borders):
        at = (get(0), const(number * 3 - 7), ADD, get(1), const(5 - 2 * number), ADD)
        read = (*at, op(Op.LOAD, 0, 0, border), op(Op.CONVERT, U8, I32))
        code += [*read, const(number + 1), MUL, get(2), ADD, put_local(2)]
    code += [get(2), op(Op.PUT, 1, 0)]
    images = (Image("src", Role.IN, U8, 1, 0, 1), Image("dst", Role.OUT, I32, 1, 0, 1))
    return check(*pixels(*code), images=images)  # type: ignore[arg-type]


def float_operations() -> VerifiedKernel:
    """Every float operation once, through f64 and integers."""
    code: list[object] = [*LOAD_HERE]
    unary = (Op.SQRT, Op.FLOOR, Op.CEIL, Op.TRUNC, Op.NEAREST, Op.NEG, Op.ABS)
    for which in unary:
        code += [op(which, F32), *LOAD_HERE, op(Op.ADD, F32)]
    for which in (Op.MIN, Op.MAX, Op.MUL, Op.SUB, Op.DIV):
        code += [*LOAD_HERE, op(which, F32)]
    integers = (ScalarType.I32, ScalarType.U32, ScalarType.I64, ScalarType.U64)
    for integer in integers:
        code += [op(Op.CONVERT, F32, integer), op(Op.CONVERT, integer, F64)]
        code += [op(Op.CONVERT, F64, integer), op(Op.CONVERT, integer, F32)]
    return check(*pixels(*code, op(Op.PUT, 1, 0)), images=FLOATS)  # type: ignore[arg-type]


def arrays_and_loops() -> VerifiedKernel:
    """A histogram in memory, a short array in registers, `for` both written out and looped."""
    fill = (const(0), op(Op.ARRAY_FILL, 0), const(3), op(Op.ARRAY_FILL, 1))
    at = (get(2), get(3), op(Op.LOAD, 0, 0, Border.INSIDE), op(Op.CONVERT, U8, I32))
    count = (*at, *at, op(Op.ELEM_GET, 0), const(1), ADD, op(Op.ELEM_SET, 0))
    walk = (
        const(0),
        op(Op.DIMENSION, 1),
        op(Op.FOR, 3, 1, ()),
        const(0),
        op(Op.DIMENSION, 0),
        op(Op.FOR, 2, 1, ()),
        *count,
        END,
        END,
    )
    short = (
        const(0),
        const(4),
        op(Op.FOR, 2, 1, ()),
        get(2),
        get(2),
        op(Op.ELEM_GET, 1),
        get(2),
        ADD,
        op(Op.ELEM_SET, 1),
        END,
    )
    value = (*LOAD_HERE, op(Op.CONVERT, U8, I32), op(Op.ELEM_GET, 0))
    fold = (const(2), op(Op.ELEM_GET, 1), ADD, put_local(4))
    choice = (get(4), const(5), op(Op.GT, I32), op(Op.IF, I32), get(4), ELSE, const(5), END)
    images = (Image("src", Role.IN, U8, 1, 0, 1), Image("dst", Role.OUT, I32, 1, 0, 1))
    code = (*fill, *walk, *short, *pixels(*value, *fold, *choice, op(Op.PUT, 1, 0)))
    return check(*code, images=images, arrays=(Array(I32, 256), Array(I32, 4)))


def divisions() -> VerifiedKernel:
    """Every rounding by a run-time divisor, which is checked, and by constants."""
    pixel = (*LOAD_HERE, op(Op.CONVERT, U8, I32))
    code: list[object] = [*pixel]
    for which in (Op.DIV, Op.REM, Op.DIV_FLOOR, Op.MOD_FLOOR, Op.DIV_ROUND):
        code += [const(-7), op(which, I32), const(100), ADD, *pixel, op(which, I32)]
    images = (Image("src", Role.IN, U8, 1, 0, 1), Image("dst", Role.OUT, I32, 1, 0, 1))
    return check(*pixels(*code, op(Op.PUT, 1, 0)), images=images)  # type: ignore[arg-type]


ALL: tuple[Maker, ...] = (
    dither,
    filtered,
    every_border,
    float_operations,
    arrays_and_loops,
    divisions,
)
