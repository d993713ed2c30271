"""The interpreter on small hand-made kernels: regions, carries, reductions, borders, traps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vm.build import (
    BOOL,
    DST,
    ELSE,
    END,
    I32,
    LOAD_HERE,
    SRC,
    U8,
    const,
    get,
    kernel,
    op,
    pixels,
    put_local,
)
from vm import codec, interp
from vm.errors import OverLimit, Refused, Trap
from vm.module import Border, Carry, Instruction, Module, Order, Reduction
from vm.opcodes import Op
from vm.reduction import ordered_sum
from vm.types import ScalarType
from vm.verifier import verify

PUT = op(Op.PUT, DST, 0)
TO_U8 = op(Op.WRAP, I32, U8)
TO_I32 = op(Op.CONVERT, U8, I32)


def run(
    src: NDArray[np.uint8], *code: Instruction, limit: int | None = None, **changes: object
) -> NDArray[np.uint8]:
    """The out image of a kernel made of this code."""
    verified = verify(codec.encode(Module((kernel(*code, **changes),))))
    result = interp.run(verified, "k", {"src": src}, {}, limit_units=limit, audit=True)
    size = (src.shape[1], src.shape[0])
    assert result.counted <= verified.kernels["k"].cost.evaluate(size, ())
    return result.outputs["dst"]


def gray(*rows: list[int]) -> NDArray[np.uint8]:
    return np.array(rows, np.uint8)


def test_map_copies() -> None:
    src = gray([1, 2, 3], [4, 5, 6])
    assert (run(src, *pixels(*LOAD_HERE, PUT)) == src).all()


@pytest.mark.parametrize("turn", [0, 1])
def test_scan_carries_along_the_direction_of_travel(turn: int) -> None:
    """Each pixel becomes the number of pixels before it on its line, as the carry counts."""
    body = (
        *(op(Op.CARRY_GET, 0, -1, 0), const(1), op(Op.ADD, I32), put_local(3)),
        *(get(3), op(Op.CARRY_PUT, 0), get(3), TO_U8, PUT),
    )
    code = (const(turn, BOOL), op(Op.SCAN, Order.ROWS, 2, 0, 1, 0, 1), *body, END)
    found = run(gray([0] * 3, [0] * 3), *code, carries=(Carry(I32),))
    assert found.tolist() == [[1, 2, 3], [3, 2, 1] if turn else [1, 2, 3]]


def test_carries_of_earlier_lines_and_outside() -> None:
    """1 plus what lies ahead on the line above, which is 0 outside."""
    body = (
        *(op(Op.CARRY_GET, 0, 1, -1), const(1), op(Op.ADD, I32), put_local(3)),
        *(get(3), op(Op.CARRY_PUT, 0), get(3), TO_U8, PUT),
    )
    code = (const(0, BOOL), op(Op.SCAN, Order.ROWS, 2, 0, 1, 0, 1), *body, END)
    found = run(gray([0] * 3, [0] * 3, [0] * 3), *code, carries=(Carry(I32),))
    assert found.tolist() == [[1, 1, 1], [2, 2, 1], [3, 2, 1]]


def test_carry_has() -> None:
    inside = (op(Op.CARRY_HAS, -1, -1), op(Op.IF, U8), const(9, U8), ELSE, const(1, U8), END)
    code = (const(0, BOOL), op(Op.SCAN, Order.ROWS, 2, 0, 1, 0, 1), *inside, PUT, END)
    assert run(gray([0, 0], [0, 0]), *code).tolist() == [[1, 1], [1, 9]]


@pytest.mark.parametrize(
    ("border", "wanted"),
    [
        (Border.CLAMP, [10, 10, 10, 20, 30, 30, 30, 30]),
        (Border.MIRROR, [20, 10, 10, 20, 30, 30, 20, 10]),
        (Border.REFLECT101, [30, 20, 10, 20, 30, 20, 10, 20]),
        (Border.WRAP, [20, 30, 10, 20, 30, 10, 20, 30]),
        (Border.ZERO, [0, 0, 10, 20, 30, 0, 0, 0]),
    ],
)
def test_borders(border: Border, wanted: list[int]) -> None:
    found = []
    for x in range(-2, 6):
        load = (const(x), const(0), op(Op.LOAD, SRC, 0, border), PUT)
        found.append(int(run(gray([10, 20, 30]), *pixels(*load))[0, 0]))
    assert found == wanted


def test_load_or() -> None:
    load = (get(0), const(1), op(Op.SUB, I32), get(1), const(77, U8), op(Op.LOAD_OR, SRC, 0))
    assert run(gray([10, 20]), *pixels(*load, PUT)).tolist() == [[77, 10]]


def reduction(kind: Reduction, scalar: ScalarType, *body: Instruction) -> tuple[Instruction, ...]:
    head = op(Op.REDUCE, kind, scalar, 2)
    return (const(0), op(Op.DIMENSION, 0), head, *body, END)


LOAD_AT = (get(2), const(0), op(Op.LOAD, SRC, 0, Border.INSIDE))


@pytest.mark.parametrize(
    ("kind", "wanted"), [(Reduction.MIN, 3), (Reduction.MAX, 200), (Reduction.ARGMIN, 1)]
)
def test_reductions(kind: Reduction, wanted: int) -> None:
    drop_value = (put_local(3), put_local(4)) if kind is Reduction.ARGMIN else (put_local(4),)
    types = (I32, I32, I32, I32, U8)
    fold = (*reduction(kind, U8, *LOAD_AT), *drop_value)
    shown = (get(3), TO_U8) if kind is Reduction.ARGMIN else (get(4),)
    found = run(gray([9, 3, 200, 3]), *fold, *pixels(*shown, PUT), locals=types)
    assert found[0, 0] == wanted


def test_the_float_sum_has_one_shape() -> None:
    values = [float(np.float32(1.1) ** k) for k in range(40)]
    lanes = [np.float32(-0.0)] * 16
    for k, value in enumerate(values):
        lanes[k % 16] = np.float32(lanes[k % 16] + np.float32(value))
    for half in (8, 4, 2, 1):
        lanes = [np.float32(lanes[i] + lanes[i + half]) for i in range(half)]
    narrow = [float(np.float32(value)) for value in values]
    assert ordered_sum(ScalarType.F32, narrow) == float(lanes[0])
    assert str(ordered_sum(ScalarType.F32, [])) == "0.0"
    assert str(ordered_sum(ScalarType.F64, [-0.0])) == "-0.0"


def test_traps_name_code_and_instruction() -> None:
    divide = (const(1), get(3), op(Op.DIV, I32), put_local(4))
    with pytest.raises(Trap) as caught:
        run(gray([1]), const(0), put_local(3), *divide)
    assert (caught.value.code, caught.value.instruction) == ("division-by-zero", 4)


def test_require_traps_with_its_text() -> None:
    with pytest.raises(Trap, match="must hold"):
        run(gray([1]), const(0, BOOL), op(Op.REQUIRE, 0), texts=("must hold",))


def test_the_limit_stops_a_long_run() -> None:
    with pytest.raises(OverLimit, match="10 units"):
        run(gray([1] * 9), *pixels(*LOAD_HERE, PUT), limit=10)


def test_images_that_do_not_fit() -> None:
    with pytest.raises(Refused, match="u8 pixels"):
        run(np.zeros((2, 2), np.float32), *pixels(*LOAD_HERE, PUT))
    with pytest.raises(Refused, match=r"\(height, width\)"):
        run(np.zeros((2, 2, 3), np.uint8), *pixels(*LOAD_HERE, PUT))
