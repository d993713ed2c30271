"""Each pass, on small trees written by hand."""

from __future__ import annotations

import pytest

from compiler import ir, walk
from compiler.passes.common import common
from compiler.passes.dead import dead
from compiler.passes.fold import folded
from compiler.passes.forward import forward
from compiler.passes.hoist import hoist
from compiler.passes.scalars import scalars
from compiler.passes.selects import selects
from compiler.passes.single import single
from compiler.passes.unroll import unroll
from vm.module import Border, Reduction, Role
from vm.opcodes import Op
from vm.types import ScalarType

I32, F32, BOOL, U8 = ScalarType.I32, ScalarType.F32, ScalarType.BOOL, ScalarType.U8
IMAGE = ir.Image("src", Role.IN, I32, 1, 0, 1)
OUT = ir.Image("dst", Role.OUT, I32, 1, 0, 1)
A, B, X, Y = (ir.Register(I32, name) for name in "abxy")


def kernel(*body: ir.Statement) -> ir.Kernel:
    return ir.Kernel("k", "", (), (IMAGE, OUT), (), body)


def operate(op: Op, *arguments: ir.Expr, scalar: ScalarType = I32) -> ir.Operation:
    return ir.Operation(op, (scalar,), arguments)


def load(x: ir.Expr) -> ir.Pixel:
    return ir.Pixel(IMAGE, 0, Border.CLAMP, None, x, ir.i32(0))


def put(value: ir.Expr) -> ir.Put:
    return ir.Put(OUT, 0, value)


def map_of(*body: ir.Statement) -> ir.Map:
    return ir.Map(X, Y, 0, 1, body)


A_, B_, X_ = ir.Read(A), ir.Read(B), ir.Read(X)


@pytest.mark.parametrize(
    ("expr", "result"),
    [
        (operate(Op.ADD, ir.i32(2), ir.i32(3)), ir.i32(5)),
        (operate(Op.ADD, A_, ir.i32(0)), A_),
        (operate(Op.ADD, ir.i32(4), A_), operate(Op.ADD, A_, ir.i32(4))),
        (
            operate(Op.SUB, operate(Op.ADD, A_, ir.i32(3)), ir.i32(5)),
            operate(Op.SUB, A_, ir.i32(2)),
        ),
        (operate(Op.MUL, A_, ir.i32(1)), A_),
        (operate(Op.MUL, A_, ir.i32(0)), ir.i32(0)),
        (operate(Op.DIV, ir.i32(7), ir.i32(0)), operate(Op.DIV, ir.i32(7), ir.i32(0))),
        (operate(Op.MIN, A_, A_), A_),
        (operate(Op.SELECT, ir.constant(True, BOOL), A_, B_), A_),
        (operate(Op.SHL, A_, ir.i32(0)), A_),
        (operate(Op.AND, A_, ir.i32(-1)), A_),
    ],
)
def test_folding_integers(expr: ir.Operation, result: ir.Expr) -> None:
    assert folded(expr) == result


def test_folding_keeps_what_may_trap() -> None:
    division = operate(Op.DIV, A_, B_)
    product = operate(Op.MUL, division, ir.i32(0))
    assert folded(product) == product
    choice = operate(Op.SELECT, ir.constant(True, BOOL), A_, division)
    assert folded(choice) == choice


def test_folding_floats_keeps_the_sign_of_zero() -> None:
    a = ir.Read(ir.Register(F32))
    plus = operate(Op.ADD, a, ir.constant(0.0, F32), scalar=F32)
    assert folded(plus) == plus
    assert folded(operate(Op.ADD, a, ir.constant(-0.0, F32), scalar=F32)) == a
    assert folded(operate(Op.SUB, a, ir.constant(0.0, F32), scalar=F32)) == a
    times = operate(Op.MUL, a, ir.constant(0.0, F32), scalar=F32)
    assert folded(times) == times


def test_negated_comparisons_of_floats_stay() -> None:
    a, b = ir.Read(ir.Register(F32)), ir.Read(ir.Register(F32))
    below = operate(Op.LT, a, b, scalar=F32)
    negated = operate(Op.NOT, below, scalar=BOOL)
    assert folded(negated) == negated
    integers = operate(Op.NOT, operate(Op.LT, A_, B_), scalar=BOOL)
    assert folded(integers) == operate(Op.GE, A_, B_)


def test_single_drops_copies_and_folds() -> None:
    body = single(kernel(ir.Set(A, ir.i32(2)), ir.Set(B, A_), put(operate(Op.ADD, B_, B_)))).body
    assert body == (put(ir.i32(4)),)


def test_single_joins_arms() -> None:
    condition = operate(Op.LT, load(ir.i32(0)), ir.i32(3))
    body = single(
        kernel(
            ir.Set(A, ir.i32(1)),
            ir.If(condition, (ir.Set(A, ir.i32(2)),), ()),
            put(A_),
        )
    ).body
    choice, use = body
    assert isinstance(choice, ir.If)
    assert isinstance(choice.then[0], ir.Set)
    assert isinstance(choice.otherwise[0], ir.Set)
    assert choice.then[0].register is choice.otherwise[0].register
    assert use == put(ir.Read(choice.then[0].register))


def test_single_swaps_what_a_loop_carries() -> None:
    swapped = ir.Register(I32)
    loop = ir.For(
        X,
        ir.i32(0),
        load(ir.i32(0)),
        1,
        (ir.Set(swapped, A_), ir.Set(A, B_), ir.Set(B, ir.Read(swapped))),
    )
    body = single(kernel(ir.Set(A, ir.i32(1)), ir.Set(B, ir.i32(2)), loop, put(A_))).body
    again = next(each for each in body if isinstance(each, ir.For))
    saved, *_, last = again.body
    assert isinstance(saved, ir.Set)
    assert isinstance(last, ir.Set)
    assert last.value == ir.Read(saved.register)


def test_dead_keeps_what_may_trap() -> None:
    division = operate(Op.DIV, load(ir.i32(0)), load(ir.i32(1)))
    body = dead(kernel(ir.Set(A, load(ir.i32(0))), ir.Set(B, division), put(ir.i32(0)))).body
    assert body == (ir.Set(B, division), put(ir.i32(0)))


def test_dead_drops_loops_that_only_feed_themselves() -> None:
    loop = ir.For(X, ir.i32(0), load(ir.i32(0)), 1, (ir.Set(A, operate(Op.ADD, A_, X_)),))
    assert dead(kernel(ir.Set(A, ir.i32(0)), loop)).body == ()


def test_unroll_writes_out_short_loops_in_pixel_loops() -> None:
    loop = ir.For(A, ir.i32(0), ir.i32(3), 1, (put(operate(Op.ADD, X_, A_)),))
    (outer,) = single(unroll(kernel(map_of(loop)))).body
    assert len(walk.blocks(outer)[0]) == 3
    (kept,) = unroll(kernel(ir.Map(X, Y, 0, 1, (ir.For(A, ir.i32(0), load(X_), 1, ()),)))).body
    assert isinstance(walk.blocks(kept)[0][0], ir.For)


@pytest.mark.parametrize(("trips", "stays"), [(16, False), (17, True)])
def test_unroll_keeps_the_shape_of_float_sums(trips: int, stays: bool) -> None:
    total = ir.Register(F32)
    value = ir.Operation(Op.CONVERT, (I32, F32), (A_,))
    reduce = ir.Reduce(
        Reduction.SUM, F32, (A,), ir.i32(0), ir.i32(trips), None, (ir.Yield(value),), (total,)
    )
    loop = map_of(reduce, put(ir.Operation(Op.CONVERT, (F32, I32), (ir.Read(total),))))
    found = list(walk.statements(unroll(kernel(loop)).body))
    assert any(isinstance(each, ir.Reduce) for each in found) is stays


def test_arrays_with_constant_indices_become_registers() -> None:
    array = ir.Array(I32, 3)
    body = (
        ir.FillArray(array, load(ir.i32(0))),
        ir.SetElement(array, ir.i32(1), ir.i32(7)),
        put(operate(Op.ADD, ir.Element(array, ir.i32(1)), ir.Element(array, ir.i32(2)))),
    )
    assert not walk.written_arrays(scalars(kernel(*body)).body)
    outside = (*body, put(ir.Element(array, ir.i32(3))))
    assert walk.written_arrays(scalars(kernel(*outside)).body) == {array}


def test_cheap_arms_become_selects() -> None:
    condition = operate(Op.LT, X_, ir.i32(3))
    arms = (ir.Set(A, operate(Op.ADD, X_, ir.i32(1))),), (ir.Set(A, ir.i32(0)),)
    (loop,) = selects(kernel(map_of(ir.If(condition, *arms), put(A_)))).body
    assert not any(isinstance(each, ir.If) for each in walk.statements([loop]))
    trapping = (ir.Set(A, operate(Op.DIV, ir.i32(1), X_)),), arms[1]
    (kept,) = selects(kernel(map_of(ir.If(condition, *trapping), put(A_)))).body
    assert any(isinstance(each, ir.If) for each in walk.statements([kept]))


def test_invariants_leave_the_loop() -> None:
    invariant = operate(Op.MUL, A_, ir.i32(3))
    body = hoist(
        kernel(ir.Set(A, load(ir.i32(0))), map_of(put(operate(Op.ADD, X_, invariant))))
    ).body
    assert isinstance(body[1], ir.Set)
    assert body[1].value == invariant
    division = operate(Op.DIV, ir.i32(1), A_)
    stays = kernel(ir.Set(A, load(ir.i32(0))), map_of(put(division)))
    assert hoist(stays).body == stays.body


def test_repeated_expressions_are_shared() -> None:
    twice = operate(Op.ADD, load(X_), load(X_))
    (loop,) = common(kernel(map_of(put(twice)))).body
    (shared, use) = walk.blocks(loop)[0]
    assert isinstance(shared, ir.Set)
    assert use == put(operate(Op.ADD, ir.Read(shared.register), ir.Read(shared.register)))


def test_forwarding_keeps_the_order_of_traps() -> None:
    first = operate(Op.DIV, ir.i32(1), load(ir.i32(0)))
    second = operate(Op.DIV, ir.i32(1), load(ir.i32(1)))
    late = kernel(ir.Set(A, first), ir.Set(B, second), put(operate(Op.ADD, B_, A_)))
    names = {each.register for each in forward(late).body if isinstance(each, ir.Set)}
    assert A in names
    early = kernel(ir.Set(A, first), put(operate(Op.ADD, A_, second)))
    assert len(forward(early).body) == 1


def test_forwarding_does_not_cross_a_store() -> None:
    out = ir.Pixel(OUT, 0, Border.CLAMP, None, ir.i32(0), ir.i32(0))
    store = ir.Store(OUT, 0, ir.i32(0), ir.i32(0), ir.i32(5), True)
    again = ir.Store(OUT, 0, ir.i32(1), ir.i32(0), A_, True)
    assert len(forward(kernel(ir.Set(A, out), store, again)).body) == 3
