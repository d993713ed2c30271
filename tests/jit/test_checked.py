"""Checked runs: signed arithmetic that would wrap traps, in both engines, at the same place."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.jit import inprocess, kernels
from tests.jit.test_agreement import compare, module_of, picture
from tests.jit.test_arithmetic import DIVISIONS, check, edges, mapped, operand_types, pixels
from tests.jit.test_lowering import ir_of
from tests.vm.build import ELSE, END, LOAD_HERE, const, get, op, put_local
from tests.vm.build import check as check_code
from tests.vm.build import pixels as over_pixels
from vm import scalar
from vm.module import Border, Image, Immediate, Instruction, Parameter, Reduction, Role
from vm.opcodes import Op
from vm.scalar import EXACT
from vm.types import ScalarType
from vm.verifier import VerifiedKernel

I32, U32, I64, U64, U8 = (
    ScalarType.I32,
    ScalarType.U32,
    ScalarType.I64,
    ScalarType.U64,
    ScalarType.U8,
)
OPS = sorted({*EXACT, *DIVISIONS, Op.SHL}, key=lambda op: op.code)
SOME = 6
ADD, MUL = op(Op.ADD, I32), op(Op.MUL, I32)
INTEGERS = (Image("src", Role.IN, I32, 1, 0, 1), Image("dst", Role.OUT, I32, 1, 0, 1))
LONGS = (Image("src", Role.IN, I64, 1, 0, 1), Image("dst", Role.OUT, I64, 1, 0, 1))


def ended(
    verified: VerifiedKernel, inputs: Mapping[str, NDArray[Any]], **given: object
) -> tuple[str, Any]:
    """What a checked run ends in, in both engines, in every layout."""
    found = [compare(module_of(verified), inputs, given, blind, True) for blind in (0, 3)]
    assert found[0][0] == found[1][0]
    return found[0]


def rows_of(which: Op, kind: ScalarType) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Edge operands on which the operation fits, and those on which it wraps."""
    form: tuple[Immediate, ...] = (kind,)
    rows = list(itertools.product(*(edges(each) for each in operand_types(which, form))))
    defined = [row for row in rows if which not in DIVISIONS or row[1]]
    wrapping = [row for row in defined if scalar.wraps(which, kind, *row)]
    return [row for row in defined if row not in set(wrapping)], wrapping


def inputs_of(rows: list[tuple[int, ...]], kind: ScalarType) -> dict[str, NDArray[Any]]:
    """One image an operand, one pixel a row."""
    columns = zip("ab", zip(*rows, strict=True), strict=False)
    return {name: pixels(kind, list(column)) for name, column in columns}


@pytest.mark.parametrize("kind", [I32, I64, U32, U64], ids=str)
@pytest.mark.parametrize("which", OPS, ids=lambda op: op.mnemonic)
def test_edges(which: Op, kind: ScalarType) -> None:
    if kind not in which.types:
        return
    verified = mapped(which, (kind,))
    fitting, wrapping = rows_of(which, kind)
    check(which, (kind,), fitting, None, checked=True)
    if which in EXACT and kind.is_signed:
        assert wrapping
    else:
        assert not wrapping
    for row in wrapping[:: max(1, len(wrapping) // SOME)]:
        code, position = ended(verified, inputs_of([fitting[0], row], kind))[1]
        assert code == "signed-overflow"
        assert verified.kernel.code[position].op is which


@pytest.mark.parametrize("which", [Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.DIV_FLOOR, Op.DIV_ROUND])
@pytest.mark.parametrize("known", [-(1 << 31), -1, 0, 1, 7, (1 << 31) - 1])
def test_known_operands(which: Op, known: int) -> None:
    verified = mapped(which, (I32,), known)
    for value in (-(1 << 31), -(1 << 31) + 1, -7, 0, 7, (1 << 31) - 1):
        ended(verified, {"a": pixels(I32, [value]), "b": pixels(I32, [0])})


def test_without_the_mode_nothing_traps() -> None:
    fitting, wrapping = rows_of(Op.MUL, I64)
    check(Op.MUL, (I64,), fitting + wrapping, None)
    assert "overflow" not in ir_of(mapped(Op.MUL, (I64,)))


def test_folding_traps_when_it_is_reached() -> None:
    """A known sum that wraps stands in an arm: only who takes the arm traps."""
    wrap = (op(Op.PARAMETER, 0), op(Op.PARAMETER, 0), ADD)
    arms = (op(Op.IF, I32), *wrap, ELSE, const(5), END)
    body = (*LOAD_HERE, const(0), op(Op.GT, I32), *arms, op(Op.PUT, 1, 0))
    code = over_pixels(*body)
    verified = check_code(*code, images=INTEGERS, parameters=(Parameter("p", I32),))
    nothing, something = np.array([[0, -1]], "<i4"), np.array([[0, 1]], "<i4")
    assert ended(verified, {"src": nothing}, p=1 << 30)[0] == "outputs"
    assert ended(verified, {"src": something}, p=(1 << 30) - 1)[0] == "outputs"
    assert ended(verified, {"src": something}, p=1 << 30)[1][0] == "signed-overflow"


def traps_in_turn(*first: Instruction) -> VerifiedKernel:
    """Something, then a checked pixel access."""
    access = (get(0), const(1), ADD, get(1), op(Op.LOAD, 0, 0, Border.INSIDE))
    code = over_pixels(*first, put_local(2), *access, op(Op.PUT, 1, 0))
    return check_code(*code, images=INTEGERS)


def test_the_first_trap_is_told() -> None:
    doubled = traps_in_turn(*LOAD_HERE, *LOAD_HERE, ADD)
    assert ended(doubled, {"src": np.array([[1 << 30]], "<i4")})[1][0] == "signed-overflow"
    assert ended(doubled, {"src": np.array([[1, 1 << 30]], "<i4")})[1][0] == "signed-overflow"
    assert ended(doubled, {"src": np.array([[1], [1 << 30]], "<i4")})[1][0] == "pixel-outside"


def summed(kind: ScalarType, stop: tuple[Instruction, ...], *inner: Instruction) -> VerifiedKernel:
    """The sum of a line's first pixels, as many as `stop` says."""
    images = INTEGERS if kind is I32 else LONGS
    element = (get(2), get(1), op(Op.LOAD, 0, 0, Border.INSIDE), *inner)
    reduce = (const(0), *stop, op(Op.REDUCE, Reduction.SUM, kind, 2), *element, END)
    return check_code(*over_pixels(*reduce, op(Op.PUT, 1, 0)), images=images)


@pytest.mark.parametrize("kind", [I32, I64], ids=str)
@pytest.mark.parametrize("length", [3, 20, 80])
def test_sums_trap_where_they_first_leave_their_type(kind: ScalarType, length: int) -> None:
    """Also if the whole sum would fit; and before a later element traps."""
    most = kind.maximum
    line = [0] * length
    for values, wraps in (
        ([most, 1, -1], True),
        ([-1, most, 1], False),
        ([-most, -1, -1], True),
        ([most, -most, most], False),
    ):
        line[-3:] = values
        given = np.array([line], f"<i{kind.size_bytes}")
        for stop in (const(length), op(Op.DIMENSION, 0)):
            code = ended(summed(kind, (stop,)), {"src": given})
            assert code[0] == ("trap" if wraps else "outputs")
            more = summed(kind, (stop, const(1), ADD))
            wanted = "signed-overflow" if wraps else "pixel-outside"
            assert ended(more, {"src": given})[1][0] == wanted


def test_sums_over_images_trap_in_reading_order() -> None:
    reduce = (op(Op.REDUCE_2D, Reduction.SUM, I32, 2, 3, 0, 1), get(2), get(3))
    code = (*reduce, op(Op.LOAD, 0, 0, Border.INSIDE), END, put_local(4))
    store = (const(0), const(0), get(4), op(Op.STORE, 1, 0))
    verified = check_code(*code, *store, images=INTEGERS)
    most = (1 << 31) - 1
    fits = np.array([[most, -5], [3, -most]], "<i4")
    assert ended(verified, {"src": fits})[0] == "outputs"
    assert ended(verified, {"src": fits.T.copy()})[1][0] == "signed-overflow"


def test_a_proved_sum_carries_no_check() -> None:
    """What the verifier shows to be exact costs nothing in a checked run."""
    wide = (*LOAD_HERE, op(Op.CONVERT, U8, I32))
    images = (Image("src", Role.IN, U8, 1, 0, 1), INTEGERS[1])
    proved = check_code(*over_pixels(*wide, *wide, MUL, op(Op.PUT, 1, 0)), images=images)
    open_ = check_code(*over_pixels(*LOAD_HERE, *LOAD_HERE, MUL, op(Op.PUT, 1, 0)), images=INTEGERS)
    assert "overflow" not in ir_of(proved, checked=True)
    assert ir_of(proved, checked=True) == ir_of(proved)
    assert "llvm.smul.with.overflow.i32" in ir_of(open_, checked=True)
    element = (*LOAD_HERE, op(Op.CONVERT, U8, I32))
    reduce = (const(0), const(100), op(Op.REDUCE, Reduction.SUM, I32, 2), *element, END)
    total = check_code(*over_pixels(*reduce, op(Op.PUT, 1, 0)), images=images)
    assert "overflow" not in ir_of(total, checked=True)


@pytest.mark.parametrize("cpu", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("kind", [I32, I64], ids=str)
@pytest.mark.parametrize("which", [Op.ADD, Op.SUB, Op.MUL, Op.DIV_ROUND, Op.NEG, Op.ABS])
def test_checks_are_instructions(which: Op, kind: ScalarType, cpu: str) -> None:
    """No library is called, not for products of 64 bits either."""
    text = inprocess.assembly(ir_of(mapped(which, (kind,)), checked=True), cpu)
    assert not re.findall(r"call\w*\s", text)
    assert "@PLT" not in text


@pytest.mark.parametrize("make", kernels.ALL, ids=lambda make: make.__name__)
def test_handmade_kernels_agree(make: kernels.Maker) -> None:
    verified = make()
    kind = verified.kernel.images[0].type
    for shape in ((1, 1), (3, 7), (9, 20)):
        ended(verified, {"src": picture(shape, kind)})
