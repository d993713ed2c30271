"""What is proved, what stays checked, and what a run costs."""

from __future__ import annotations

import pytest

from tests.vm.build import (
    DST,
    END,
    I32,
    LOAD_HERE,
    SRC,
    U8,
    check,
    const,
    get,
    op,
    pixels,
    put_local,
    scan,
)
from vm.module import Array, Border, Carry, Claim, Instruction, Parameter, Reduction
from vm.opcodes import Op
from vm.types import ScalarType

INSIDE = op(Op.LOAD, SRC, 0, Border.INSIDE)
PUT = op(Op.PUT, DST, 0)
WIDTH = op(Op.DIMENSION, 0)
HEIGHT = op(Op.DIMENSION, 1)


def add(value: int) -> tuple[Instruction, Instruction]:
    return (const(value), op(Op.ADD, I32))


def loads(*coordinates: Instruction) -> tuple[Instruction, ...]:
    return pixels(*coordinates, INSIDE, PUT)


@pytest.mark.parametrize(
    ("x", "proved"),
    [
        ((get(0),), True),
        ((get(0), *add(1)), False),
        ((get(0), *add(-1)), False),
        ((get(0), *add(1), WIDTH, *add(-1), op(Op.MIN, I32)), True),
        ((get(0), *add(-1), const(0), op(Op.MAX, I32)), True),
        ((WIDTH, *add(-1), get(0), op(Op.SUB, I32)), True),
        ((get(0), const(2), op(Op.DIV, I32)), True),
        ((get(0), *add(7), WIDTH, op(Op.REM, I32)), True),
        ((get(0), *add(-7), WIDTH, op(Op.REM, I32)), False),
        ((get(0), *add(-7), WIDTH, op(Op.MOD_FLOOR, I32)), True),
        ((const(0),), True),
        ((const(1),), False),
        ((get(0), const(1), op(Op.SHR, I32)), True),
        ((get(0), const(1 << 30), op(Op.MUL, I32)), False),
        ((get(0), *add((1 << 31) - 1), *add(-((1 << 31) - 1))), False),
    ],
)
def test_accesses(x: tuple[Instruction, ...], proved: bool) -> None:
    kernel = check(*loads(*x, get(1)))
    assert kernel.checked == (0 if proved else 1)


def test_x_is_no_y() -> None:
    assert check(*loads(get(1), get(0))).checked == 1


def test_a_loop_to_width_minus_one_may_look_one_ahead() -> None:
    loop = op(Op.FOR, 2, 1, ())
    body = (get(2), *add(1), const(0), INSIDE, op(Op.CONVERT, U8, I32), put_local(3))
    assert check(const(0), WIDTH, *add(-1), loop, *body, END).proved == 1
    assert check(const(0), WIDTH, loop, *body, END).proved == 0


def test_require_is_learned_at_the_top_only() -> None:
    fact = (op(Op.PARAMETER, 0), put_local(2), get(2), WIDTH, op(Op.LT, I32), op(Op.REQUIRE, 0))
    use = (get(2), const(0), INSIDE, op(Op.CONVERT, U8, I32), put_local(3))
    signature = {"parameters": (Parameter("n", I32, low=0, high=1 << 30),), "texts": ("small",)}
    assert check(*fact, *use, **signature).proved == 1
    nested = (const(0), const(1), op(Op.FOR, 4, 1, ()), *fact, END)
    hidden = check(const(0), put_local(2), *nested, *use, **signature)
    assert hidden.proved == 0
    stale = (*fact[:2], get(2), WIDTH, op(Op.LT, I32), op(Op.PARAMETER, 0), put_local(2), fact[-1])
    assert check(*stale, *use, **signature).proved == 0


def test_require_is_learned_of_parameters() -> None:
    """Also together with another condition; and only behind the `require`."""
    n = op(Op.PARAMETER, 0)
    fact = (n, const(0), op(Op.GE, I32), n, WIDTH, op(Op.LT, I32), op(Op.AND, ScalarType.BOOL))
    use = (n, const(0), INSIDE, op(Op.CONVERT, U8, I32), put_local(3))
    signature = {"parameters": (Parameter("n", I32),), "texts": ("n",)}
    assert check(*fact, op(Op.REQUIRE, 0), *use, **signature).proved == 1
    assert check(*use, *fact, op(Op.REQUIRE, 0), **signature).proved == 0
    either = (*fact[:-1], op(Op.OR, ScalarType.BOOL))
    assert check(*either, op(Op.REQUIRE, 0), *use, **signature).proved == 0


def doubts(*code: Instruction, **signature: object) -> list[str]:
    """What was not proved of the only access that is checked."""
    ((_, found),) = check(*code, **signature).facts.doubts.items()
    return [doubt.text() for doubt in found]


@pytest.mark.parametrize(
    ("x", "text"),
    [
        ((get(0), *add(1)), "x may equal src.width"),
        ((get(0), *add(5)), "x may be src.width + 4"),
        ((get(0), *add(-3)), "x may be -3"),
        ((const(7),), "x may be 7, and src.width less"),
        ((op(Op.PARAMETER, 0),), "nothing keeps x below src.width"),
        ((op(Op.PARAMETER, 1),), "x may be negative"),
    ],
)
def test_what_is_missing_is_told(x: tuple[Instruction, ...], text: str) -> None:
    least, most = I32.minimum, I32.maximum
    parameters = (
        Parameter("n", I32, low=0, high=most),
        Parameter("m", I32, low=least, high=0),
    )
    assert doubts(*loads(*x, get(1)), parameters=parameters) == [text]


def test_both_coordinates_and_elements_are_doubted() -> None:
    assert doubts(*loads(get(1), get(0))) == [
        "nothing keeps x below src.width",
        "nothing keeps y below src.height",
    ]
    table = (Array(I32, 8, data=tuple(range(8))),)
    read = (op(Op.PARAMETER, 0), op(Op.ELEM_GET, 0), put_local(4))
    ranged = (Parameter("n", I32, low=-2, high=9),)
    assert doubts(*read, arrays=table, parameters=ranged) == [
        "the index may be -2",
        "the index may be 9; there are 8 elements",
    ]


def test_division_by_a_required_sum() -> None:
    parameters = (Parameter("n", I32, low=0, high=16),)
    divide = (const(100), get(2), op(Op.DIV_FLOOR, I32), put_local(3))
    known = (get(2), const(0), op(Op.GT, I32), op(Op.REQUIRE, 0))
    start = (op(Op.PARAMETER, 0), put_local(2))
    assert check(*start, *divide, parameters=parameters).checked == 1
    assert check(*start, *known, *divide, parameters=parameters, texts=("n",)).proved == 1


def test_claims_make_loop_carried_locals_known() -> None:
    loop = op(Op.FOR, 3, 1, (Claim(2, 0, 7),))
    body = (get(2), *add(1), const(7), op(Op.MIN, I32), put_local(2))
    read = (get(2), op(Op.ELEM_GET, 0), put_local(4))
    table = (Array(I32, 8, data=tuple(range(8))),)
    start = (const(0), put_local(2), const(0), const(99))
    assert check(*start, loop, *body, *read, END, arrays=table).checked == 0
    unknown = check(*start, op(Op.FOR, 3, 1, ()), *read, *body, END, arrays=table)
    assert unknown.checked == 1


def test_claims_relative_to_a_dimension() -> None:
    loop = op(Op.FOR, 3, 1, (Claim(2, 0, 1 << 20, 0, -1),))
    body = (get(3), put_local(2))
    start = (const(0), put_local(2), const(0), WIDTH)
    use = (get(2), const(0), INSIDE, op(Op.CONVERT, U8, I32), put_local(4))
    assert check(*start, loop, *body, END, *use).checked == 0


def test_reductions_know_when_they_are_not_empty() -> None:
    def least(stop: Instruction) -> tuple[Instruction, ...]:
        head = op(Op.REDUCE, Reduction.MIN, I32, 2)
        return (const(0), stop, head, get(2), END, put_local(3))

    assert check(*least(WIDTH)).proved == 1
    assert check(*least(const(0))).checked == 1


def test_argmin_gives_an_index_of_its_range() -> None:
    head = op(Op.REDUCE, Reduction.ARGMIN, I32, 2)
    best = (const(0), WIDTH, head, get(2), END, put_local(3), put_local(4))
    use = (get(3), const(0), INSIDE, op(Op.CONVERT, U8, I32), put_local(5))
    assert check(*best, *use).checked == 0


COPY = pixels(*LOAD_HERE, PUT)


@pytest.mark.parametrize(
    ("code", "price"),
    [
        (COPY, "5·w·h + 2·h + 4"),
        ((const(0), WIDTH, op(Op.FOR, 2, 1, ()), END, *COPY), "5·w·h + w + 2·h + 6"),
        (
            (const(0), WIDTH, op(Op.FOR, 2, 3, ()), END, *COPY),
            "5·w·h + 2·h + ⌈w/3⌉ + 6",
        ),
    ],
)
def test_prices(code: tuple[Instruction, ...], price: str) -> None:
    assert str(check(*code).cost) == price


def test_the_dearer_arm_is_charged() -> None:
    condition = const(1, ScalarType.BOOL)
    cheap = (condition, op(Op.IF, None), const(1), put_local(2), END)
    root = (const(4), *(const(2), op(Op.DIV, I32)) * 3, put_local(2))
    dear = (condition, op(Op.IF, None), const(1), put_local(2), op(Op.ELSE), *root, END)
    one, other = check(*cheap, *COPY).cost, check(*dear, *COPY).cost
    assert other.evaluate((1, 1), ()) - one.evaluate((1, 1), ()) == 24


def test_images_are_cleared_unless_filled() -> None:
    assert check(*COPY).facts.cleared == frozenset()
    assert check().facts.cleared == {DST}
    condition = const(1, ScalarType.BOOL)
    half = pixels(condition, op(Op.IF, None), *LOAD_HERE, PUT, END)
    assert check(*half).facts.cleared == {DST}


def test_reach_of_carries() -> None:
    body = (
        op(Op.CARRY_GET, 0, 1, -1),
        op(Op.CARRY_GET, 0, -2, 0),
        op(Op.ADD, I32),
        op(Op.CARRY_PUT, 0),
    )
    kernel = check(*scan(*body), carries=(Carry(I32),))
    reach, widths = kernel.facts.reaches[0]
    assert (reach.lines, reach.behind, reach.ahead, widths) == (1, 2, 1, (0,))


@pytest.mark.parametrize("low", [-5, -1])
def test_a_divisor_that_may_be_zero_at_its_upper_end_is_checked(low: int) -> None:
    divide = (const(100), op(Op.PARAMETER, 0), op(Op.DIV, I32), put_local(3))
    for high, proved in ((0, 0), (-1, 1)):
        parameters = (Parameter("n", I32, low=low, high=high),)
        assert check(*divide, parameters=parameters).proved == proved
    for least, proved in ((0, 0), (1, 1)):
        parameters = (Parameter("n", I32, low=least, high=5),)
        assert check(*divide, parameters=parameters).proved == proved


def test_a_local_hands_on_what_is_known() -> None:
    """Its exact form, so that prices name the parameter; and facts that a bool stands for."""
    loop = (const(0), get(2), op(Op.FOR, 4, 1, ()), END)
    priced = check(op(Op.PARAMETER, 0), put_local(2), *loop, parameters=(Parameter("n", I32),))
    assert "n" in str(priced.cost)
    fact = (op(Op.PARAMETER, 0), const(8), op(Op.LT, I32), op(Op.SET, 6), op(Op.GET, 6))
    read = (op(Op.PARAMETER, 0), op(Op.ELEM_GET, 0), put_local(4))
    found = check(
        *fact, op(Op.REQUIRE, 0), *read,
        parameters=(Parameter("n", I32, low=0, high=99),),
        texts=("n",),
        arrays=(Array(I32, 8, data=tuple(range(8))),),
        locals=(I32,) * 6 + (ScalarType.BOOL,),
    )  # fmt: skip
    assert found.checked == 0
