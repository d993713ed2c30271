"""One refused program a rule, and the accepted one beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.vm.build import (
    BOOL,
    DST,
    ELSE,
    END,
    I32,
    LOAD_HERE,
    SRC,
    U8,
    check,
    const,
    get,
    kernel,
    op,
    pixels,
    put_local,
    scan,
)
from vm import codec, limits
from vm.errors import Invalid
from vm.module import (
    Array,
    Border,
    Carry,
    Claim,
    Dimension,
    ExtentOp,
    ExtentTerm,
    Field,
    Image,
    Instruction,
    Module,
    Parameter,
    Reduction,
    Role,
)
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier import verify
from vm.verifier.rules import Rule

COPY = pixels(*LOAD_HERE, op(Op.PUT, DST, 0))
SRC_IMAGE, DST_IMAGE = kernel().images


def with_claim(claim: Claim, *body: Instruction) -> tuple[Instruction, ...]:
    """Local 2 starts at 0; a `for` over local 3 with a claim, running the body."""
    loop = op(Op.FOR, 3, 1, (claim,))
    return (const(0), put_local(2), const(0), const(9), loop, *body, END)


STEP_UP = (get(2), const(1), op(Op.ADD, I32), put_local(2))
CAPPED = (*STEP_UP, get(2), const(7), op(Op.MIN, I32), put_local(2))
PUT_ZERO = (const(0, U8), op(Op.PUT, DST, 0))
FAR = Parameter("n", I32)

REFUSED = {
    "V1": kernel(*COPY, parameters=(Parameter("src", I32),)),
    "V2": kernel(*COPY, images=(DST_IMAGE, SRC_IMAGE)),
    "V3": kernel(
        *COPY,
        dimensions=(Dimension(), Dimension(), Dimension((ExtentTerm(ExtentOp.ADD),))),
    ),
    "V4": kernel(*COPY, parameters=(Parameter("p", I32, low=3, high=1),)),
    "V5": kernel(*COPY, arrays=(Array(I32, 3, data=(1, 2)),)),
    "V6": kernel(*COPY, carries=(Carry(I32, 1, 5),)),
    "V7": kernel(*COPY, arrays=(Array(I32, limits.LOCAL_ARRAY_BYTES_TOTAL // 4 + 1),)),
    "V8": kernel(*COPY, END),
    "V9": kernel(get(6)),
    "V10": kernel(const(1), op(Op.ADD, I32)),
    "V11": kernel(const(1, U8), const(1, U8), op(Op.ADD, U8), op(Op.SET, 0), locals=(U8,)),
    "V12": kernel(*pixels(const(1))),
    "V13": kernel(get(0), put_local(1)),
    "V14": kernel(*pixels(const(1), put_local(0))),
    "V15": kernel(const(0), const(1), op(Op.ELEM_SET, 0), arrays=(Array(I32, 2, data=(1, 2)),)),
    "V16": kernel(*pixels(op(Op.MAP, 2, 3, 0, 1), END)),
    "V17": kernel(*PUT_ZERO),
    "V18": kernel(const(0), const(0), const(0, U8), op(Op.STORE, SRC, 0)),
    "V19": kernel(*pixels(get(0), get(1), op(Op.LOAD, DST, 0, Border.CLAMP), op(Op.PUT, DST, 0))),
    "V20": kernel(*scan(op(Op.CARRY_GET, 0, 0, 0), op(Op.CARRY_PUT, 0)), carries=(Carry(I32),)),
    "V21": kernel(*with_claim(Claim(2, 0, 7), *STEP_UP)),
    "V22": kernel(
        *scan(op(Op.CARRY_GET, 0, -1, 0), const(1), op(Op.ADD, I32), op(Op.CARRY_PUT, 0)),
        carries=(Carry(I32, -5, 5),),
    ),
    "V23": kernel(
        const(0),
        *(const(0), const(0), op(Op.LOAD, SRC, 0, Border.CLAMP)),
        op(Op.FOR, 2, 1, ()),
        END,
        images=(replace(SRC_IMAGE, type=I32), DST_IMAGE),
    ),
    "V24": kernel(
        *(Instruction(Op.PARAMETER, (0,)), Instruction(Op.PARAMETER, (0,))) * 0,
        *[
            step
            for local in range(9)
            for step in (const(0), op(Op.PARAMETER, 0), op(Op.FOR, local, 1, ()))
        ],
        *[END] * 9,
        parameters=(FAR,),
        locals=(I32,) * 9,
    ),
    "V25": kernel(
        *COPY,
        images=(SRC_IMAGE, DST_IMAGE),
        dimensions=(Dimension(), Dimension()),
    ),
    "V26": kernel(*COPY, fields=(Field("f", I32),)),
}
ACCEPTED = {
    "V1": kernel(*COPY, parameters=(Parameter("other", I32),)),
    "V2": kernel(*COPY),
    "V3": kernel(
        *COPY,
        images=(SRC_IMAGE, DST_IMAGE, Image("t", Role.LOCAL, U8, 1, 2, 1)),
        dimensions=(
            Dimension(),
            Dimension(),
            Dimension(
                (
                    ExtentTerm(ExtentOp.DIMENSION, 0),
                    ExtentTerm(ExtentOp.CONST, 1),
                    ExtentTerm(ExtentOp.ADD),
                )
            ),
        ),
    ),
    "V4": kernel(*COPY, parameters=(Parameter("p", I32, low=1, high=3),)),
    "V5": kernel(*COPY, arrays=(Array(I32, 2, data=(1, 2)),)),
    "V6": kernel(*COPY, carries=(Carry(I32, -1, 5),)),
    "V7": kernel(*COPY, arrays=(Array(I32, limits.LOCAL_ARRAY_BYTES_TOTAL // 4),)),
    "V8": kernel(*COPY),
    "V9": kernel(const(1), put_local(5)),
    "V10": kernel(const(1), const(1), op(Op.ADD, I32), put_local(0)),
    "V11": kernel(const(1, U8), const(1, U8), op(Op.MIN, U8), op(Op.SET, 0), locals=(U8,)),
    "V12": kernel(*pixels(const(1), put_local(2))),
    "V13": kernel(const(1), put_local(0), get(0), put_local(1)),
    "V14": kernel(*pixels(const(1), put_local(2))),
    "V15": kernel(
        *(const(0), op(Op.ARRAY_FILL, 0), const(0), const(1), op(Op.ELEM_SET, 0)),
        arrays=(Array(I32, 2),),
    ),
    "V16": kernel(*pixels(), *pixels()),
    "V17": kernel(*pixels(*PUT_ZERO)),
    "V18": kernel(const(0), const(0), const(0, U8), op(Op.STORE, DST, 0)),
    "V19": kernel(*pixels(*LOAD_HERE, op(Op.PUT, DST, 0))),
    "V20": kernel(*scan(op(Op.CARRY_GET, 0, -1, 0), op(Op.CARRY_PUT, 0)), carries=(Carry(I32),)),
    "V21": kernel(*with_claim(Claim(2, 0, 7), *CAPPED)),
    "V22": kernel(*scan(const(5), op(Op.CARRY_PUT, 0)), carries=(Carry(I32, -5, 5),)),
    "V23": kernel(
        const(0),
        *(const(0), const(0), op(Op.LOAD, SRC, 0, Border.CLAMP)),
        op(Op.CONVERT, U8, I32),
        op(Op.FOR, 2, 1, ()),
        END,
    ),
    "V24": kernel(
        *[
            step
            for local in range(8)
            for step in (const(0), op(Op.PARAMETER, 0), op(Op.FOR, local, 1, ()))
        ],
        *[END] * 8,
        parameters=(FAR,),
        locals=(I32,) * 9,
    ),
    "V26": kernel(*COPY, const(1), op(Op.GIVE, 0), fields=(Field("f", I32),)),
}
RULES_WITHOUT_PROGRAM = {"V25"}  # the limits on a signature keep memory far below it


@pytest.mark.parametrize("rule", [r.number for r in Rule if r.number not in RULES_WITHOUT_PROGRAM])
def test_every_rule_refuses_and_accepts(rule: str) -> None:
    with pytest.raises(Invalid) as caught:
        verify(codec.encode(Module((REFUSED[rule],))))
    assert caught.value.rule == rule, str(caught.value)
    assert rule in str(caught.value)
    assert verify(codec.encode(Module((ACCEPTED[rule],)))).kernels["k"].cost.terms is not None


def test_a_refusal_names_kernel_and_instruction() -> None:
    with pytest.raises(Invalid, match=r"V10.*kernel 'k' at instruction 1") as caught:
        check(const(1), op(Op.ADD, I32))
    assert caught.value.instruction == 1


def test_a_record_is_given_once_and_at_the_top() -> None:
    give = (const(1), op(Op.GIVE, 0))
    fields = (Field("f", I32),)
    for code in ((*give, *give), pixels(*give), (const(1, BOOL), op(Op.IF, None), *give, END)):
        with pytest.raises(Invalid, match="V26"):
            check(*code, fields=fields)


def test_own_is_the_pixel_of_a_loop_of_the_images_size() -> None:
    own = op(Op.OWN, DST, 0)
    found = check(*pixels(own, op(Op.PUT, DST, 0)))
    assert found.facts.cleared == {DST}
    with pytest.raises(Invalid, match="V17"):
        check(own, op(Op.CONVERT, U8, I32), put_local(0))


def test_values_do_not_flow_between_pixels() -> None:
    with pytest.raises(Invalid, match="V13"):
        check(const(0), put_local(2), *pixels(get(2), put_local(3), const(1), put_local(2)))
    with pytest.raises(Invalid, match="V13"):
        check(const(0), put_local(2), *pixels(const(1), put_local(2)), get(2), put_local(3))


def test_a_local_killed_inside_a_for_is_unassigned_at_its_head() -> None:
    body = (get(2), put_local(3), *pixels(const(1), put_local(2)))
    with pytest.raises(Invalid, match="V13"):
        check(const(0), put_local(2), const(0), const(2), op(Op.FOR, 4, 1, ()), *body, END)


def test_both_arms_must_assign() -> None:
    condition = const(1, BOOL)
    one = (condition, op(Op.IF, None), const(1), put_local(2), END, get(2), put_local(3))
    both = (
        condition,
        op(Op.IF, None),
        *(const(1), put_local(2), ELSE, const(2), put_local(2), END, get(2), put_local(3)),
    )
    with pytest.raises(Invalid, match="V13"):
        check(*one)
    check(*both)


def test_an_if_result_needs_both_arms() -> None:
    with pytest.raises(Invalid, match="V8"):
        check(const(1, BOOL), op(Op.IF, I32), const(1), END, put_local(0))


def test_no_empty_else() -> None:
    with pytest.raises(Invalid, match="V8"):
        check(const(1, BOOL), op(Op.IF, None), const(1), put_local(0), ELSE, END)


def test_outer_stack_is_out_of_reach() -> None:
    with pytest.raises(Invalid, match="V10"):
        check(const(1), const(1, BOOL), op(Op.IF, None), put_local(0), END)


def test_reductions_do_not_write() -> None:
    store = (const(0), const(0), const(0, U8), op(Op.STORE, DST, 0), const(1))
    with pytest.raises(Invalid, match="V18"):
        check(const(0), const(3), op(Op.REDUCE, Reduction.SUM, I32, 2), *store, END, put_local(3))


@pytest.mark.parametrize(
    ("source", "target", "which"),
    [
        (I32, U8, Op.CONVERT),
        (U8, I32, Op.WRAP),
        (U8, I32, Op.NARROW),
        (I32, I32, Op.CONVERT),
        (ScalarType.F32, ScalarType.I64, Op.BITS),
        (I32, ScalarType.U32, Op.BITS),
    ],
)
def test_conversions_that_are_none(source: ScalarType, target: ScalarType, which: Op) -> None:
    with pytest.raises(Invalid, match="V11"):
        check(const(0, source), op(which, source, target), put_local(0), locals=(target,))
