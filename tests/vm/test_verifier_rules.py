"""One refused program a rule, and the accepted one beside it."""

from __future__ import annotations

import pytest

from tests.vm.build import (
    BOOL,
    DST,
    ELSE,
    END,
    I32,
    LOAD_HERE,
    U8,
    check,
    const,
    get,
    op,
    pixels,
    put_local,
)
from vm import codec, limits
from vm.errors import Crash, Invalid
from vm.module import (
    Field,
    Module,
    Reduction,
)
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier import VerifiedKernel, VerifiedModule, verify


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


def test_nobody_else_makes_verified_things() -> None:
    """Not even from true parts, unless he copies the key: then it is no mistake."""
    good = check(*pixels(*LOAD_HERE, op(Op.PUT, DST, 0)))
    with pytest.raises(Crash, match=r"^only the verifier makes a VerifiedKernel$"):
        VerifiedKernel(good.kernel, good.facts, good.cost, good.memory, object())
    module = verify(codec.encode(Module((good.kernel,))))
    parts = (module.module, module.encoded, module.hash, module.meaning, module.kernels)
    with pytest.raises(Crash, match=r"^only the verifier makes a VerifiedModule$"):
        VerifiedModule(*parts, object())


def test_as_many_regions_as_may_be() -> None:
    one = (const(1, BOOL), op(Op.IF, None), const(1), put_local(0), END)
    check(*one * limits.REGIONS)
    with pytest.raises(Invalid, match=f"V7.*{limits.REGIONS + 1} regions"):
        check(*one * (limits.REGIONS + 1))
